"""The whole sign-in with nothing simulated but the Taskcluster: a browser, a Secret Service, and the programs."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from console.sandbox.sign_in import USER
from tests.support.chromium import chromium
from tests.support.secret_service import secret_service

pytestmark = pytest.mark.enable_socket

ROOT = Path(__file__).parents[3]
LADING = ("-c", "import sys; from console.cli import main; sys.exit(main())")


async def start(variables, *words):
    """`lading` in a process of its own, away from any checkout."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *LADING,
        *words,
        env={**variables, "PYTHONPATH": str(ROOT)},
        cwd=variables["HOME"],
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def lading(variables, *words):
    """The exit code, the output and the narration of a command."""
    process = await start(variables, *words)
    out, err = await asyncio.wait_for(process.communicate(), 120)
    return process.returncode, out.decode(), err.decode()


def holding(folder, text):
    """The files below a folder that hold a text; one that goes away meanwhile holds nothing."""
    found = []
    for at, _folders, files in os.walk(folder):
        for name in files:
            with contextlib.suppress(OSError):
                if text.encode() in (Path(at) / name).read_bytes():
                    found.append(Path(at) / name)
    return found


async def test_a_person_presses_save_in_a_browser_and_is_signed_in(sandbox, tmp_path):
    home, profile = tmp_path / "home", tmp_path / "browser"
    home.mkdir()
    with secret_service(home) as variables:
        async with chromium(profile) as page:
            process = await start(variables, "signin", "--root-url", sandbox.root_url, "--json")
            told = b""
            while b"Ctrl-C cancels" not in told:
                line = await asyncio.wait_for(process.stderr.readline(), 60)
                assert line, told.decode()
                told += line
            (url,) = [word for word in told.decode().split() if "/auth/clients/create?" in word]
            await page.call("Page.navigate", url=url)
            await page.until("document.querySelector('button')?.textContent === 'Save'")
            assert "secrets:list-secrets" in await page.evaluate("document.body.innerText")
            await page.evaluate("document.querySelector('button').click()")
            await page.until("location.pathname === '/signed-in'")
            assert "You are signed in to lading." in await page.evaluate("document.body.innerText")
            history = await page.history()
            out, err = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode == 0, err.decode()
        found = json.loads(out)
        assert found["clientId"].startswith(f"{USER}/lading-")
        assert found["lacking"] == []
        code, whoami, _ = await lading(variables, "whoami", "--json")
        me = json.loads(whoami)
        assert (code, me["origin"], me["clientId"]) == (0, "keyring", found["clientId"])
        token = await asyncio.to_thread(_token_of, variables, sandbox.root_url, found["clientId"])
        assert len(token) == 44
        # Neither what was printed, nor the addresses to go back to, nor any file that we write has it.
        assert token not in (told + out + err).decode() + "".join(history)
        assert holding(home, token) == []
        assert (await lading(variables, "signout"))[0] == 0
        assert (await lading(variables, "whoami"))[0] == 1


def _token_of(variables, root_url, client_id):
    """As another program of the same user reads it from the keyring."""
    program = (
        "import json, keyring, sys; print(json.loads(keyring.get_password(*sys.argv[1:]))['accessToken'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, f"lading {root_url}", client_id],
        env=variables,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.strip()
