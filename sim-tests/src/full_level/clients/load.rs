//! Many calls at once, while a region is under load.

use std::time::Duration;

use sojourn_client::{Changes, Client};

use super::Clients;

/// Calls under way at the same time.
const CALLERS: u32 = 32;
/// Of its own, so that the load's sessions are nobody else's.
const NAMESPACE: &str = "load";
const PAUSE: Duration = Duration::from_millis(10);

/// Waits for load to be asked for, again and again.
#[allow(clippy::disallowed_methods, reason = "tasks of a simulated host")]
pub(super) async fn make(shared: Clients) {
    let mut overload = shared.board.overload.subscribe();
    let mut client = None;
    loop {
        let region = shared.region;
        if overload.wait_for(|loaded| *loaded == Some(region)).await.is_err() {
            return;
        }
        let client = match &client {
            Some(client) => Client::clone(client),
            None => client.insert(shared.connect(0, 0x10ad).await).clone(),
        };
        let callers: Vec<_> =
            (0..CALLERS).map(|_| tokio::spawn(call(shared.clone(), client.clone()))).collect();
        for caller in callers {
            // A caller that panicked ends the simulation by itself.
            let _ = caller.await;
        }
    }
}

async fn call(shared: Clients, client: Client) {
    let mut session = None;
    while *shared.board.overload.borrow() == Some(shared.region) {
        let answered = match &session {
            None => {
                let made = client.create(NAMESPACE).await;
                session = made.as_ref().ok().map(|made| made.id.clone());
                made.is_ok()
            }
            Some(id) => client.update(NAMESPACE, id, Changes::new().add("n", 1)).await.is_ok(),
        };
        if answered {
            shared.board.state.lock().load_answers += 1;
        }
        // Calls that are refused at once must not stop time.
        tokio::time::sleep(PAUSE).await;
    }
}
