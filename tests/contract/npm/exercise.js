// What Taskcluster's own JavaScript client does with a deployment; prints what it got as one JSON object.
const { Readable, PassThrough } = require('stream');
const taskcluster = require('taskcluster-client');

const rootUrl = process.env.TASKCLUSTER_ROOT_URL;
const root = { rootUrl, credentials: taskcluster.fromEnvVars().credentials, retries: 0 };
const as = credentials => ({ rootUrl, credentials, retries: 0 });
const refused = async call => {
  try {
    return await call();
  } catch (error) {
    return { code: error.code, statusCode: error.statusCode };
  }
};

const definition = taskGroupId => ({
  taskQueueId: 'proj-npm/ci',
  taskGroupId,
  created: taskcluster.fromNowJSON('0 seconds'),
  deadline: taskcluster.fromNowJSON('1 hour'),
  expires: taskcluster.fromNowJSON('1 day'),
  payload: {},
  metadata: { name: 'n', description: 'd', owner: 'a@b.invalid', source: 'https://b.invalid/' },
  routes: ['index.npm.latest'],
});

const artifactUp = async (queue, taskId, name, data) => {
  const expires = taskcluster.fromNowJSON('1 hour');
  const made = await queue.createArtifact(taskId, '0', name, { storageType: 'object', contentType: 'text/plain', expires });
  const object = new taskcluster.Object(as(made.credentials));
  await taskcluster.upload({
    projectId: made.projectId, name: made.name, uploadId: made.uploadId, expires: made.expires, object,
    contentType: 'text/plain', contentLength: data.length, streamFactory: async () => Readable.from([data]),
  });
  await queue.finishArtifact(taskId, '0', name, { uploadId: made.uploadId });
};

const artifactDown = async (queue, taskId, name) => {
  let chunks = [];
  const streamFactory = async () => {
    chunks = [];
    const stream = new PassThrough();
    stream.on('data', chunk => chunks.push(chunk));
    return stream;
  };
  await taskcluster.downloadArtifact({ taskId, name, queue, streamFactory });
  return Buffer.concat(chunks).toString();
};

const main = async () => {
  const found = {};
  found.scopes = (await new taskcluster.Auth(root).currentScopes()).scopes;

  const secrets = new taskcluster.Secrets(root);
  const secret = 'npm/a b/é+%';
  await secrets.set(secret, { secret: { k: 'v' }, expires: taskcluster.fromNowJSON('1 hour') });
  found.secret = (await secrets.get(secret)).secret;
  found.absent = await refused(() => secrets.get('npm/absent'));
  const narrow = taskcluster.createTemporaryCredentials({
    clientId: 'npm/narrow', scopes: ['secrets:get:npm/*'], expiry: taskcluster.fromNow('1 hour'), credentials: root.credentials,
  });
  found.temporary = (await new taskcluster.Secrets(as(narrow)).get(secret)).secret;
  found.forbidden = await refused(() => new taskcluster.Secrets(as(narrow)).remove(secret));
  const narrowed = new taskcluster.Secrets({ ...root, authorizedScopes: ['secrets:set:x'] });
  found.unauthorized = await refused(() => narrowed.get(secret));
  const signed = secrets.buildSignedUrl(secrets.get, secret, { expiration: 60 });
  found.signed = (await (await fetch(signed)).json()).secret;

  const queue = new taskcluster.Queue(root);
  const group = taskcluster.slugid();
  const tasks = [taskcluster.slugid(), taskcluster.slugid(), taskcluster.slugid()];
  for (const task of tasks) await queue.createTask(task, definition(group));
  const listed = [];
  for (let query = { limit: 2 }; query;) {
    const page = await queue.listTaskGroup(group, query);
    listed.push(...page.tasks.map(task => task.status.taskId));
    query = page.continuationToken && { limit: 2, continuationToken: page.continuationToken };
  }
  found.listed = listed.sort().join() === tasks.sort().join();

  const claims = await queue.claimWork('proj-npm/ci', { tasks: 1, workerGroup: 'npm', workerId: 'npm' });
  const claim = claims.tasks[0];
  const taskId = claim.status.taskId;
  const own = new taskcluster.Queue(as(claim.credentials));
  await artifactUp(own, taskId, 'public/small', Buffer.from('small'));
  await artifactUp(own, taskId, 'public/large', Buffer.alloc(30000, 'large '));
  found.small = await artifactDown(queue, taskId, 'public/small');
  found.large = (await artifactDown(queue, taskId, 'public/large')).length;
  found.completed = (await own.reportCompleted(taskId, '0')).status.state;
  found.indexed = (await new taskcluster.Index(root).findTask('npm.latest')).taskId === taskId;

  const hooks = new taskcluster.Hooks(root);
  const { taskGroupId, ...template } = definition(group);
  await new taskcluster.Auth(root).createRole('hook-id:npm/a/b', { description: 'd', scopes: ['queue:*'] });
  const metadata = { name: 'n', description: 'd', owner: 'a@b.invalid' };
  await hooks.createHook('npm', 'a/b', { metadata, task: template, triggerSchema: { type: 'object' } });
  const fired = await hooks.triggerHook('npm', 'a/b', {});
  found.fired = (await queue.status(fired.taskId)).status.state;
  console.log(JSON.stringify(found));
};

main().catch(error => {
  console.error(error);
  process.exit(1);
});
