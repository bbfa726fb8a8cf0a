//! A binary with its defaults, its log on to a file; only L1 may be larger, so that a
//! million entries fit.

use std::fs::File;

use crate::cores::Core;
use crate::pinned::{Pinned, free_address};
use crate::server::{ACCESS_LOG, Kind, Server};
use crate::upstream::Upstream;

const L1_GIB: &str = "4";

/// Starts it and waits until it serves.
pub(crate) fn start(core: Core, binary: &str, upstream: &Upstream) -> Server {
    let folder = super::folder();
    let address = free_address();
    let (connect_to, ca_file) = upstream.tls();
    // It would write where it is in the file, past what is emptied, if it did not append.
    let log = File::options().create(true).append(true).open(folder.path().join(ACCESS_LOG));
    let process = Pinned::start(
        core.command(binary)
            .env_clear()
            .env("HOST", address.ip().to_string())
            .env("PORT", address.port().to_string())
            .env("GITHUB_PATS", "ghp_first,ghp_second")
            .env("API_USAGE_THRESHOLD", "100")
            .env("UPSTREAM_CONNECT_TO", connect_to)
            .env("UPSTREAM_CA_FILE", ca_file)
            .env("CACHE_L1_MAX_GB", L1_GIB)
            .current_dir(&folder)
            .stdout(log.expect("a log")),
    );
    let processes = vec![process.listens(address)];
    Server { kind: Kind::Svm, address, for_large: None, processes, folder }
}
