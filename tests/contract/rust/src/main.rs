//! What Taskcluster's own Rust crates do with a deployment; prints what they got as one JSON object.
use anyhow::{Context, Result};
use serde_json::{json, Map, Value};
use std::time::Duration;
use taskcluster::chrono::{TimeDelta, Utc};
use taskcluster::{
    err_status_code, Auth, ClientBuilder, Credentials, Index, Object, Queue, Retry, Secrets,
};
use taskcluster_download::{download_artifact_to_vec, download_to_vec};
use taskcluster_upload::upload_from_buf;

const POOL: &str = "proj-rust/ci";
const SECRET: &str = "rust/a b/é+%";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let root = Root {
        url: std::env::var("TASKCLUSTER_ROOT_URL")?,
        credentials: Credentials::from_env()?,
    };
    let mut found = Map::new();
    secrets(&root, &mut found).await?;
    let (queue, tasks) = tasks(&root, &mut found).await?;
    work(&root, &queue, &tasks, &mut found).await?;
    println!("{}", Value::from(found));
    Ok(())
}

struct Root {
    url: String,
    credentials: Credentials,
}

impl Root {
    fn anonymous(&self) -> ClientBuilder {
        ClientBuilder::new(&self.url).retry(no_retry())
    }

    fn client(&self) -> ClientBuilder {
        self.by(self.credentials.clone())
    }

    fn by(&self, credentials: Credentials) -> ClientBuilder {
        self.anonymous().credentials(credentials)
    }

    /// With the credentials of an answer: a claim's, or those for an upload.
    fn given(&self, answer: &Value) -> Result<ClientBuilder> {
        let given = &answer["credentials"];
        Ok(self.by(Credentials::new_with_certificate(
            text(&given["clientId"])?,
            text(&given["accessToken"])?,
            text(&given["certificate"])?,
        )))
    }
}

async fn secrets(root: &Root, found: &mut Map<String, Value>) -> Result<()> {
    let secrets = Secrets::new(root.client())?;
    secrets.ping().await?;
    let secret = json!({"secret": {"k": "v"}, "expires": Utc::now() + TimeDelta::hours(1)});
    secrets.set(SECRET, &secret).await?;
    found.insert("secret".into(), secrets.get(SECRET).await?["secret"].clone());
    found.insert("absent".into(), refused(secrets.get("rust/absent").await));

    let hour = Duration::from_secs(3600);
    let narrow = root
        .credentials
        .create_named_temp_creds("rust/narrow", hour, vec!["secrets:get:rust/*"])?;
    let narrow = Secrets::new(root.by(narrow))?;
    found.insert("temporary".into(), narrow.get(SECRET).await?["secret"].clone());
    found.insert("forbidden".into(), refused(narrow.remove(SECRET).await));
    let narrowed = Secrets::new(root.client().authorized_scopes(vec!["secrets:set:x"]))?;
    found.insert("unauthorized".into(), refused(narrowed.get(SECRET).await));

    let signed = secrets.get_signed_url(SECRET, hour)?;
    let answer = reqwest::get(signed).await?.text().await?;
    let answer: Value = serde_json::from_str(&answer)?;
    found.insert("signed".into(), answer["secret"].clone());
    Ok(())
}

/// Three tasks of one group, read page by page.
async fn tasks(root: &Root, found: &mut Map<String, Value>) -> Result<(Queue, Vec<String>)> {
    let queue = Queue::new(root.client())?;
    let group = slugid::v4();
    let mut tasks = vec![slugid::v4(), slugid::v4(), slugid::v4()];
    for task in &tasks {
        queue.createTask(task, &definition(&group)).await?;
    }
    let status = queue.status(&tasks[0]).await?;
    found.insert("created".into(), status["status"]["state"].clone());
    // The crate leaves the query out of what it signs, so that a signed page is refused.
    let signed = queue.listTaskGroup(&group, None, Some("2")).await;
    found.insert("signed_page".into(), refused(signed));
    let scopes = json!([format!("queue:list-task-group:{group}")]);
    let role = json!({"description": "d", "scopes": scopes});
    Auth::new(root.client())?.createRole("anonymous", &role).await?;
    let listed = pages(&Queue::new(root.anonymous())?, &group).await?;
    tasks.sort();
    found.insert("pages".into(), listed.len().into());
    let mut listed = listed.concat();
    listed.sort();
    found.insert("listed".into(), (listed == tasks).into());
    Ok((queue, tasks))
}

async fn pages(queue: &Queue, group: &str) -> Result<Vec<Vec<String>>> {
    let (mut pages, mut token) = (vec![], None::<String>);
    loop {
        let page = queue.listTaskGroup(group, token.as_deref(), Some("2")).await?;
        let tasks = page["tasks"].as_array().context("no tasks")?;
        let ids = tasks.iter().map(|task| text(&task["status"]["taskId"]));
        pages.push(ids.collect::<Result<Vec<_>>>()?);
        match page.get("continuationToken") {
            Some(next) => token = Some(text(next)?),
            None => return Ok(pages),
        }
    }
}

/// One task as its worker does it: artifacts up and down, resolved, found in the index.
async fn work(
    root: &Root,
    queue: &Queue,
    tasks: &[String],
    found: &mut Map<String, Value>,
) -> Result<()> {
    let worker = json!({"tasks": 1, "workerGroup": "rust", "workerId": "rust"});
    let claims = queue.claimWork(POOL, &worker).await?;
    let claim = &claims["tasks"][0];
    let task = text(&claim["status"]["taskId"])?;
    found.insert("claimed".into(), tasks.contains(&task).into());
    let own = Queue::new(root.given(claim)?)?;
    let large = b"large ".repeat(5000);
    let objects = [("public/small", &b"small"[..]), ("public/large", &large[..])];
    for (name, data) in objects {
        upload(root, &own, &task, name, data).await?;
        let (got, kind) = download(root, queue, &task, name).await?;
        found.insert(name.into(), json!([got == data, kind]));
    }
    put(&own, &task, "public/put", "put").await?;
    let (latest, kind) = download_artifact_to_vec(&task, None, "public/put", &no_retry(), queue).await?;
    found.insert("public/put".into(), json!([latest == b"put", kind]));
    let resolved = own.reportCompleted(&task, "0").await?;
    found.insert("completed".into(), resolved["status"]["state"].clone());
    let indexed = Index::new(root.client())?.findTask("rust.latest").await?;
    found.insert("indexed".into(), (indexed["taskId"] == task.as_str()).into());
    Ok(())
}

async fn upload(root: &Root, own: &Queue, task: &str, name: &str, data: &[u8]) -> Result<()> {
    let kind = "text/plain";
    let expires = Utc::now() + TimeDelta::hours(1);
    let asked = json!({"storageType": "object", "contentType": kind, "expires": expires});
    let made = own.createArtifact(task, "0", name, &asked).await?;
    let object = Object::new(root.given(&made)?)?;
    let (project, object_name) = (text(&made["projectId"])?, text(&made["name"])?);
    let (id, until) = (text(&made["uploadId"])?, text(&made["expires"])?.parse()?);
    upload_from_buf(&project, &object_name, kind, &until, data, &no_retry(), &object, &id).await?;
    own.finishArtifact(task, "0", name, &json!({"uploadId": id})).await
}

/// The crate's own helper for artifacts looks for `client_id` in an object's credentials, which are spelt `clientId`.
async fn download(root: &Root, queue: &Queue, task: &str, name: &str) -> Result<(Vec<u8>, String)> {
    let content = queue.artifact(task, "0", name).await?;
    let object = Object::new(root.given(&content)?)?;
    download_to_vec(&text(&content["name"])?, &no_retry(), &object).await
}

async fn put(own: &Queue, task: &str, name: &str, data: &'static str) -> Result<()> {
    let expires = Utc::now() + TimeDelta::hours(1);
    let asked = json!({"storageType": "s3", "contentType": "text/plain", "expires": expires});
    let made = own.createArtifact(task, "0", name, &asked).await?;
    let request = reqwest::Client::new().put(text(&made["putUrl"])?);
    request.header("Content-Type", "text/plain").body(data).send().await?.error_for_status()?;
    Ok(())
}

fn definition(group: &str) -> Value {
    let now = Utc::now();
    json!({
        "taskQueueId": POOL,
        "taskGroupId": group,
        "created": now,
        "deadline": now + TimeDelta::hours(1),
        "expires": now + TimeDelta::days(1),
        "payload": {},
        "metadata": {"name": "n", "description": "d", "owner": "a@b.invalid", "source": "https://b.invalid/"},
        "routes": ["index.rust.latest"],
    })
}

fn no_retry() -> Retry {
    Retry { retries: 0, ..Retry::default() }
}

fn refused<T>(answer: Result<T>) -> Value {
    match answer {
        Ok(_) => "not refused".into(),
        Err(error) => err_status_code(&error).map_or(error.to_string().into(), |code| code.as_u16().into()),
    }
}

fn text(value: &Value) -> Result<String> {
    Ok(value.as_str().context("no text")?.to_owned())
}
