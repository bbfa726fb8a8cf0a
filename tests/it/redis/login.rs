//! A login that the server no longer accepts, also from connected clients.

use super::{Plan, REFUSES, Scene};
use crate::support::redis_server::{Options, RedisServer};

#[tokio::test]
async fn the_server_suddenly_requires_a_password() {
    let Some(mut scene) = Scene::start().await else { return };
    scene.server.require_password("hunter2");
    scene.goes_without(REFUSES).await;
    scene.server.require_password("");
    scene.recovers().await;
}

#[tokio::test]
async fn the_password_is_another_one() {
    let options = Options::default().setting("user", &["svm", "on", ">right", "~*", "+@all"]);
    let plan = Plan::default().options(options).scheme("redis://svm:right@");
    let Some(scene) = plan.start().await else { return };
    change_password(&scene.server, "wrong");
    scene.goes_without(REFUSES).await;
    change_password(&scene.server, "right");
    scene.recovers().await;
}

fn change_password(server: &RedisServer, password: &str) {
    server.command(&["ACL", "SETUSER", "svm", "resetpass", &format!(">{password}")]);
    server.command(&["CLIENT", "KILL", "USER", "svm"]);
}
