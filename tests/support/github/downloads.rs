//! The redirects to a download, from the API and github.com to a signed URL or to the host of
//! archives, and the bytes there.

use super::answer::Answer;
use super::received::Received;
use super::world::{API_HOST, World};

/// The host of the website, whose URLs of assets are in documents.
const SITE_HOST: &str = "github.com";
/// The host of assets.
const ASSETS_HOST: &str = "release-assets.githubusercontent.com";
/// The host of archives.
const ARCHIVES_HOST: &str = "codeload.github.com";
/// The hosts that serve no document of the API.
pub const HOSTS: [&str; 2] = [SITE_HOST, ASSETS_HOST];

const ASSETS: &str = "/github-production-release-asset/";

/// Returns the answer to a request that is part of a download.
pub fn answer(world: &World, request: &Received) -> Option<Answer> {
    let path = request.target.split('?').next().unwrap_or_default();
    match request.host.as_str() {
        API_HOST => of_api(world, request, path),
        SITE_HOST => {
            let (name, file) = asset_of_site(path)?;
            let is_known = world.known(&name)?.asset(|asset| asset["name"] == file).is_some();
            is_known.then(|| to(&signed(&file)))
        }
        ASSETS_HOST => path.strip_prefix(ASSETS).map(|file| bytes(&contents(file))),
        ARCHIVES_HOST => {
            let (name, _) = path.strip_prefix('/')?.split_once("/legacy.")?;
            world.known(name).map(|_| bytes(&contents(path)))
        }
        _ => None,
    }
}

/// Returns the bytes of the asset with this name, or of the archive at this path. The digest in
/// documents is that of these bytes; the size there is that of a real asset.
pub fn contents(name: &str) -> Vec<u8> {
    name.as_bytes().to_vec()
}

fn of_api(world: &World, request: &Received, path: &str) -> Option<Answer> {
    let named = world.by_name(API_HOST, path);
    let mut parts = named.strip_prefix("/repos/")?.splitn(3, '/');
    let name = format!("{}/{}", parts.next()?, parts.next()?);
    let below = parts.next()?;
    let repository = world.known(&name)?;
    if let Some(id) = below.strip_prefix("releases/assets/") {
        let wants_bytes = request.header("accept") == Some("application/octet-stream");
        let asset = repository.asset(|asset| asset["id"].as_u64() == id.parse().ok())?;
        return wants_bytes.then(|| to(&signed(asset["name"].as_str().unwrap_or_default())));
    }
    let (kind, reference) = below.split_once('/').unwrap_or((below, "HEAD"));
    let archive = match kind {
        "tarball" => "legacy.tar.gz",
        "zipball" => "legacy.zip",
        _ => return None,
    };
    Some(to(&format!("https://{ARCHIVES_HOST}/{name}/{archive}/{reference}")))
}

/// Returns the repository and the file in the URL of an asset.
fn asset_of_site(path: &str) -> Option<(String, String)> {
    let (name, rest) = path.strip_prefix('/')?.split_once("/releases/download/")?;
    let (_tag, file) = rest.split_once('/')?;
    Some((name.to_owned(), file.to_owned()))
}

fn signed(file: &str) -> String {
    format!("https://{ASSETS_HOST}{ASSETS}{file}?sp=r&sv=2018-11-09&sig=simulated")
}

fn to(location: &str) -> Answer {
    Answer::new(302, "text/html;charset=utf-8", "").header("location", location)
}

fn bytes(contents: &[u8]) -> Answer {
    Answer::new(200, "application/octet-stream", contents).header("cache-control", "private")
}
