// Autodesk's own Node SDK, call by call, against a sandbox: the packages as they come, told by their own configuration
// where the service is.
//
//     node autodesk_sdk.mjs '{"url", "public": ID, "confidential": [ID, SECRET], "callback": URL, "token": BEARER,
//                            "project": "b.…", "file": URN, "version": URN, "object": [BUCKET, KEY], "content": TEXT}'
//
// Prints {"<package>.<method>": what came back, or {"error": …}}.

import authentication from "@aps_sdk/authentication";
import sdkmanager from "@aps_sdk/autodesk-sdkmanager";
import dataManagement from "@aps_sdk/data-management";
import oss from "@aps_sdk/oss";

const asked = JSON.parse(process.argv[2]);
const sdkManager = sdkmanager.SdkManagerBuilder.create().build();
sdkManager.apsConfiguration.baseAddress = new URL(asked.url);

const auth = new authentication.AuthenticationClient({ sdkManager });
auth.usersApi.baseAddress = new URL(asked.url);
const files = new dataManagement.DataManagementClient({ sdkManager });
const objects = new oss.OssClient({ sdkManager });

const found = {};
async function call(name, what) {
  try {
    found[name] = (await what()) ?? null;
  } catch (error) {
    found[name] = { error: `${error.message} ${JSON.stringify(error.axiosError?.response?.data ?? null)}` };
  }
  return found[name];
}

// Signing in: the page that a person is sent to answers with the code, since the sandbox signs everybody in at once.
const { Scopes, ResponseType } = authentication;
const address = auth.authorize(asked.public, ResponseType.Code, asked.callback, [Scopes.DataRead, Scopes.DataWrite], {
  state: "state-1",
  codeChallenge: asked.challenge,
  codeChallengeMethod: "S256",
});
const signedIn = await fetch(address, { redirect: "manual" });
const back = new URL(signedIn.headers.get("location"));
found["authentication.authorize"] = { state: back.searchParams.get("state") };
const code = back.searchParams.get("code");
const tokens = await call("authentication.getThreeLeggedToken", () =>
  auth.getThreeLeggedToken(asked.public, code, asked.callback, { code_verifier: asked.verifier }),
);
const fresh = await call("authentication.refreshToken", () => auth.refreshToken(tokens.refresh_token, asked.public));
await call("authentication.getUserInfo", () => auth.getUserInfo(`Bearer ${fresh.access_token}`));
await call("authentication.introspectToken", () => auth.introspectToken(fresh.access_token, asked.public));
await call("authentication.revoke", async () => {
  const answer = await auth.revoke(fresh.refresh_token, asked.public, authentication.TokenTypeHint.RefreshToken);
  return { status: answer.status ?? answer.response?.status };
});
await call("authentication.getTwoLeggedToken", () => auth.getTwoLeggedToken(...asked.confidential, [Scopes.DataRead]));
await call("authentication.getKeys", () => auth.getKeys());
await call("authentication.getOidcSpec", () => auth.getOidcSpec());

const accessToken = asked.token;
const hubs = await call("data-management.getHubs", () => files.getHubs({ accessToken }));
const hub = hubs.data?.[0]?.id;
const { project } = asked;
await call("data-management.getHub", () => files.getHub(hub, { accessToken }));
await call("data-management.getHubProjects", () => files.getHubProjects(hub, { accessToken }));
await call("data-management.getProject", () => files.getProject(hub, project, { accessToken }));
await call("data-management.getProjectHub", () => files.getProjectHub(hub, project, { accessToken }));
await call("data-management.getProjectTopFolders", () => files.getProjectTopFolders(hub, project, { accessToken }));
await call("data-management.getItem", () => files.getItem(project, asked.file, { accessToken }));
const parent = await call("data-management.getItemParentFolder", () =>
  files.getItemParentFolder(project, asked.file, { accessToken }),
);
const folder = parent.data?.id;
await call("data-management.getFolder", () => files.getFolder(project, folder, { accessToken }));
await call("data-management.getFolderParent", () => files.getFolderParent(project, folder, { accessToken }));
await call("data-management.getFolderContents", () => files.getFolderContents(project, folder, { accessToken }));
await call("data-management.getFolderSearch", () => files.getFolderSearch(project, folder, { accessToken }));
await call("data-management.getItemTip", () => files.getItemTip(project, asked.file, { accessToken }));
await call("data-management.getItemVersions", () => files.getItemVersions(project, asked.file, { accessToken }));
await call("data-management.getVersion", () => files.getVersion(project, asked.version, { accessToken }));
await call("data-management.getVersionItem", () => files.getVersionItem(project, asked.version, { accessToken }));

const [bucket, key] = asked.object;
await call("oss.signedS3Upload", () => objects.signedS3Upload(bucket, key, { accessToken, parts: 1 }));
await call("oss.uploadObject", () => objects.uploadObject(bucket, key, Buffer.from(asked.content), { accessToken }));
await call("oss.getObjectDetails", () => objects.getObjectDetails(bucket, key, { accessToken }));
await call("oss.signedS3Download", () => objects.signedS3Download(bucket, key, { accessToken }));
await call("oss.downloadObject", async () => {
  let text = "";
  for await (const piece of await objects.downloadObject(bucket, key, { accessToken })) {
    text += piece;
    if (text.length >= asked.content.length) break; // the SDK never ends this stream
  }
  return { text };
});

// The SDK leaves sockets open, which would keep the process from ending.
process.stdout.write(`${JSON.stringify(found)}\n`, () => process.exit(0));
