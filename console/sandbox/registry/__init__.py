"""An embedded registry: distribution-spec 1.1 over aiohttp, with faults on demand."""
