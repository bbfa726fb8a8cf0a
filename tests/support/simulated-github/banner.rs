//! The screen for a person who tries svm for the first time: at most 14 lines of 80 columns.

/// Returns the current state, and five requests with their results.
pub(crate) fn banner(port: &str) -> String {
    format!(
        "
svm serves on http://localhost:{port}. Its GitHub is SIMULATED: no account,
no network, invented data. Paste these lines in another terminal:

  api='http://localhost:{port}/version?url=https://api.github.com/repos/octo'
  curl -sI \"$api/cat/releases/latest\"                # x-cache: MISS
  curl -sI \"$api/cat/releases/latest\"                # x-cache: HIT
  curl -sI \"$api/cat/releases/latest&refresh=true\"   # x-cache: REVALIDATED
  curl -s  \"$api/kitten/releases/latest\"             # the old name of octo/cat
  curl -si \"$api/nothing/releases/latest\"            # 404: no such repository

The owner octo also has tiny, zoo, fleet and armada. Ctrl-C stops both programs.

"
    )
}
