//! Varnish; `default.vcl` beside the sources says what it caches.
//!
//! Its log is a ring in memory, which is always on. An operator who wants it in a file runs
//! varnishncsa, a process that reads the ring: that is another server here.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use crate::cores::Core;
use crate::pinned::{Pinned, free_address};
use crate::server::{ACCESS_LOG, Kind, Server};

const VCL: &str = include_str!("../default.vcl");
/// For a million objects, each of which takes a KiB or more beside its body.
const STORAGE: &str = "malloc,6G";

/// Starts it in front of an upstream and waits until it serves.
pub(crate) fn start(core: Core, upstream: &str) -> Server {
    let folder = super::folder();
    let address = free_address();
    let upstream: SocketAddr = upstream.parse().expect("an address");
    let vcl = VCL
        .replace("{host}", &upstream.ip().to_string())
        .replace("{port}", &upstream.port().to_string());
    let file = folder.path().join("default.vcl");
    fs::write(&file, vcl).expect("a file");
    let instance = instance(folder.path());
    let process = Pinned::start(
        // Without a jail, which needs a user of its own and its folders.
        core.command("varnishd")
            .args(["-F", "-j", "none", "-T", "none", "-n", &instance])
            .args(["-a", &address.to_string(), "-s", STORAGE, "-p", "thread_pools=1"])
            .arg("-f")
            .arg(file)
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null()),
    );
    let processes = vec![process.listens(address)];
    Server { kind: Kind::Varnish, address, for_large: None, processes, folder }
}

/// The same, with its log in a file.
pub(crate) fn start_with_log(core: Core, upstream: &str) -> Server {
    let mut server = start(core, upstream);
    let folder = server.folder.path();
    let log = folder.join(ACCESS_LOG);
    let writer = Pinned::start(
        core.command("varnishncsa").args(["-n", &instance(folder)]).args(["-a", "-w"]).arg(log),
    );
    server.processes.insert(0, writer);
    server.kind = Kind::Varnishncsa;
    server
}

fn instance(folder: &Path) -> String {
    folder.join("instance").display().to_string()
}
