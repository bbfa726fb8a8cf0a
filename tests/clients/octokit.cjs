// All releases of a repository, and the bytes of an asset, by @octokit/rest.
const assert = require("node:assert");
const { createHash } = require("node:crypto");

(async () => {
    const { Octokit } = await import(require.resolve("@octokit/rest"));
    const baseUrl = process.argv[2];
    const silent = () => {};
    const log = { debug: silent, info: silent, warn: silent, error: silent };
    const auth = "ghp_canary0123456789";
    const octokit = new Octokit({ auth, log, ...(baseUrl && { baseUrl }) });
    const { repos } = octokit.rest;
    const many = { owner: "octo", repo: "many" };
    const releases = await octokit.paginate(repos.listReleases, { ...many, per_page: 100 });
    const tags = new Set(releases.map((release) => release.tag_name));
    process.stdout.write(`releases=${releases.length} distinct=${tags.size} `);

    const { data: latest } = await repos.getLatestRelease(many);
    assert.equal(latest.tag_name, releases[0].tag_name);
    const asset = latest.assets[0];
    const { data } = await repos.getReleaseAsset({
        ...many,
        asset_id: asset.id,
        headers: { accept: "application/octet-stream" },
    });
    const digest = createHash("sha256").update(Buffer.from(data)).digest("hex");
    assert.equal(`sha256:${digest}`, asset.digest);
    const raw = { ...many, path: "README.md", mediaType: { format: "raw" } };
    await assert.rejects(repos.getContent(raw), { status: 415 });
})().catch((error) => {
    console.error(error);
    process.exit(1);
});
