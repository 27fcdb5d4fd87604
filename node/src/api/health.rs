//! The standard health service, which follows readiness, and server reflection.

use sojourn_proto::FILE_DESCRIPTOR_SET;
use sojourn_proto::session::v1::session_service_server::SERVICE_NAME;
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::server::health_reporter;
use tonic_reflection::server::v1::{ServerReflection, ServerReflectionServer};

use crate::env::Environment;
use crate::telemetry::Readiness;

/// The health service, for the whole node ("") and for sessions.
pub(super) fn service(readiness: &Readiness, env: &Environment) -> HealthServer<impl Health + use<>> {
    let (reporter, service) = health_reporter();
    let mut changes = readiness.watch();
    let follow = async move {
        loop {
            let ready = *changes.borrow_and_update();
            let status = if ready { ServingStatus::Serving } else { ServingStatus::NotServing };
            reporter.set_service_status("", status).await;
            reporter.set_service_status(SERVICE_NAME, status).await;
            if changes.changed().await.is_err() {
                return;
            }
        }
    };
    env.spawn.spawn("api.health", Box::pin(follow));
    service
}

/// Server reflection over every service of the node.
pub(super) fn reflection()
-> Result<ServerReflectionServer<impl ServerReflection>, tonic_reflection::server::Error> {
    tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()
}
