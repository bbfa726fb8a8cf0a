//! The harness that the tests, the benches and the program of the simulated GitHub share.

pub use self::modules::{
    app, certificates, eventually, fault_proxy, faulty_store, github, in_process, noise, process,
    raw, redis_server, tasks,
};

/// An inline module with a folder, so that the files below need no paths of their own.
#[path = "support"]
mod modules {
    pub mod app;
    pub mod canary;
    pub mod certificates;
    pub mod eventually;
    pub mod fault_proxy;
    pub mod faulty_store;
    pub mod github;
    pub mod in_process;
    pub mod noise;
    pub mod process;
    pub mod raw;
    pub mod redis_server;
    pub mod tasks;
}
