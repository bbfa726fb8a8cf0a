//! Apache Traffic Server; the folder `trafficserver` beside the sources has its settings.

use std::fs;
use std::process::Stdio;

use crate::cores::Core;
use crate::pinned::{Pinned, free_address};
use crate::server::{Kind, Server};

const RECORDS: &str = include_str!("../trafficserver/records.config");
const FOLDERS: &str = include_str!("../trafficserver/runroot.yaml");
const CLIENTS: &str = include_str!("../trafficserver/ip_allow.yaml");
const LOGGING: &str = include_str!("../trafficserver/logging.yaml");
/// The room in which documents lie beside those in memory, which it cannot do without.
const STORAGE: &str = "2G";

/// Starts it in front of an upstream and waits until it serves.
pub(crate) fn start(core: Core, upstream: &str) -> Server {
    let folder = super::folder();
    let address = free_address();
    let path = folder.path().display().to_string();
    let records = RECORDS
        .replace("{host}", &address.ip().to_string())
        .replace("{port}", &address.port().to_string());
    for (name, text) in [
        ("runroot.yaml", FOLDERS.replace("{folder}", &path)),
        ("records.config", records),
        ("remap.config", format!("map / http://{upstream}/\n")),
        ("storage.config", format!("{path} {STORAGE}\n")),
        ("ip_allow.yaml", CLIENTS.to_owned()),
        ("logging.yaml", LOGGING.to_owned()),
    ] {
        fs::write(folder.path().join(name), text).expect("a file");
    }
    let mut command = core.command("traffic_server");
    command.env("TS_RUNROOT", folder.path()).stdout(Stdio::null()).stderr(Stdio::null());
    let processes = vec![Pinned::start(&mut command).listens(address)];
    Server { kind: Kind::TrafficServer, address, for_large: None, processes, folder }
}
