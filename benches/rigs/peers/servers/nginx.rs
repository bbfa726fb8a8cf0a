//! nginx with `proxy_cache`; `nginx.conf` beside the sources says how.

use std::fs;

use crate::cores::Core;
use crate::pinned::{Pinned, free_address};
use crate::server::{Kind, Server};

const CONFIGURATION: &str = include_str!("../nginx.conf");

/// Starts it in front of an upstream and waits until it serves.
pub(crate) fn start(core: Core, upstream: &str) -> Server {
    let folder = super::folder();
    let (address, for_large) = (free_address(), free_address());
    let file = folder.path().join("nginx.conf");
    let configuration = CONFIGURATION
        .replace("{listen}", &address.to_string())
        .replace("{listen_for_large}", &for_large.to_string())
        .replace("{upstream}", upstream)
        .replace("{folder}", &folder.path().display().to_string());
    fs::write(&file, configuration).expect("a file");
    let process = Pinned::start(
        core.command("nginx").arg("-p").arg(folder.path()).arg("-c").arg(file).args([
            "-e",
            "error.log",
            "-g",
            "daemon off;",
        ]),
    );
    let processes = vec![process.listens(address)];
    Server { kind: Kind::Nginx, address, for_large: Some(for_large), processes, folder }
}
