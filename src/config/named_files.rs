//! The files that the configuration names. They can be checked although other variables are faulty.

use std::path::PathBuf;

use super::reader::Reader;
use super::redis::Redis;
use super::vars::Vars;
use super::{ServerCertificate, sections};

/// The files that a start reads. A file is absent if no variable names it, or if a variable that
/// belongs to it is faulty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedFiles {
    /// The certificate of HTTPS.
    pub certificate: Option<ServerCertificate>,
    /// Certificates to trust at GitHub.
    pub upstream_ca_file: Option<PathBuf>,
    /// The Redis server, whose certificates may be in a file.
    pub redis: Option<Redis>,
}

impl NamedFiles {
    /// Reads the variables that name files. [`super::Config::from_vars`] reports their faults.
    pub fn from_vars(vars: &Vars) -> Self {
        let reader = &mut Reader::new(vars);
        Self {
            certificate: sections::certificate(reader).flatten(),
            upstream_ca_file: sections::upstream_ca_file(reader).flatten(),
            redis: sections::redis(reader).flatten(),
        }
    }
}
