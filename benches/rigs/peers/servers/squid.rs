//! Squid; `squid.conf` beside the sources has its settings.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use crate::cores::Core;
use crate::pinned::{Pinned, free_address};
use crate::server::{Kind, Server};

const CONFIGURATION: &str = include_str!("../squid.conf");
/// Squid gives up the rights of root before it writes its log.
const FOR_EVERY_USER: u32 = 0o777;

/// Starts it in front of an upstream and waits until it serves.
pub(crate) fn start(core: Core, upstream: &str) -> Server {
    let folder = super::folder();
    let rights = fs::Permissions::from_mode(FOR_EVERY_USER);
    fs::set_permissions(&folder, rights).expect("a folder of ours");
    let address = free_address();
    let upstream: SocketAddr = upstream.parse().expect("an address");
    let configuration = CONFIGURATION
        .replace("{listen}", &address.to_string())
        .replace("{host}", &upstream.ip().to_string())
        .replace("{port}", &upstream.port().to_string())
        .replace("{folder}", &folder.path().display().to_string());
    let file = folder.path().join("squid.conf");
    fs::write(&file, configuration).expect("a file");
    let mut command = core.command("squid");
    // One process in the foreground.
    command.arg("-N").arg("-f").arg(file).stdout(Stdio::null()).stderr(Stdio::null());
    let processes = vec![Pinned::start(&mut command).listens(address)];
    Server { kind: Kind::Squid, address, for_large: None, processes, folder }
}
