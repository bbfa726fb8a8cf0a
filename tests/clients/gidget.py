"""All releases of a repository by gidgethub."""

import asyncio
import sys

import gidgethub
import gidgethub.httpx
import httpx


async def main():
    async with httpx.AsyncClient() as http:
        base = sys.argv[1] if len(sys.argv) > 1 else "https://api.github.com"
        client = gidgethub.httpx.GitHubAPI(http, "svm", oauth_token="ghp_canary0123456789", base_url=base)
        releases = [it async for it in client.getiter("/repos/octo/many/releases?per_page=100")]
        print(f"releases={len(releases)} distinct={len({it['tag_name'] for it in releases})}", end=" ")
        latest = await client.getitem("/repos/octo/many/releases/latest")
        assert latest["tag_name"] == releases[0]["tag_name"]
        try:
            await client.getitem("/repos/octo/many/releases/tags/none")
        except gidgethub.BadRequest as error:
            assert error.status_code == 404, error


asyncio.run(main())
