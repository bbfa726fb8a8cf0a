# All releases of a repository, and the assets of one, by octokit.rb.

require "octokit"

settings = { access_token: "ghp_canary0123456789", auto_paginate: true }
settings[:api_endpoint] = ARGV[0] if ARGV[0]
client = Octokit::Client.new(settings)
releases = client.releases("octo/many")
print "releases=#{releases.size} distinct=#{releases.map(&:tag_name).uniq.size} "

latest = client.latest_release("octo/many")
raise "another one" unless latest.tag_name == releases[0].tag_name
raise "other assets" unless client.release_assets(latest.url).map(&:id) == latest.assets.map(&:id)
begin
  client.release_for_tag("octo/many", "none")
  raise "a release that there is not"
rescue Octokit::NotFound
  # As it should be.
end
begin
  client.contents("octo/cat", path: "README.md", accept: "application/vnd.github.raw")
  raise "other data than raw"
rescue Octokit::UnsupportedMediaType
  # As it should be.
end
