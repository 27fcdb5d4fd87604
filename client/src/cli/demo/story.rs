//! The story, scene by scene.

use std::time::Duration;

use sojourn_client::{Auth, Changes, Session, SessionId, Value};

use super::cast::{Cast, outcome};
use super::checks::Transcript;
use crate::cli::cluster::{LocalCluster, compare_digests};
use crate::cli::error::CliError;
use crate::cli::wan::LinkMode;

/// How long the regions may take to agree after the heal.
const AGREE_MAX: Duration = Duration::from_secs(20);
/// The node that crashes.
const VICTIM: &str = "us-2";

/// The two sessions of the story.
struct Sessions {
    /// Lives through the cut.
    kept: SessionId,
    /// Ends during the cut.
    ended: SessionId,
}

/// Plays all scenes.
pub(crate) async fn tell(
    cluster: &LocalCluster,
    cast: &Cast,
    transcript: &mut Transcript<'_>,
) -> Result<(), CliError> {
    let sessions = login(cast, transcript).await?;
    cut(cluster, transcript)?;
    write_on_both_sides(cast, &sessions.kept, transcript).await?;
    log_out_on_one_side(cast, &sessions.ended, transcript).await?;
    crash(cluster, cast, &sessions.kept, transcript).await?;
    heal(cluster, transcript).await?;
    merged(cast, &sessions.kept, transcript).await?;
    ended(cast, &sessions.ended, transcript).await;
    Ok(())
}

async fn login(cast: &Cast, transcript: &mut Transcript<'_>) -> Result<Sessions, CliError> {
    transcript.scene("Ada logs in in eu and fills her cart");
    let content = Changes::new()
        .auth(Auth::new("ada").level(2).method("pwd").method("otp").role("customer"))
        .set("theme", "dark")
        .set("cart", Value::json(r#"{"tea":2}"#))
        .add("visits", 1)
        .add_member("tags", "new");
    let (kept, token) = cast.eu.create(content).await?;
    let (ended, ended_token) =
        cast.eu.create(Changes::new().auth(Auth::new("ada")).set("device", "phone")).await?;
    for (region, app) in [("us", &cast.us), ("ap", &cast.ap)] {
        let read = app.read_after(&kept, &token).await?;
        let fields = [
            ("principal", "ada", read.principal().unwrap_or("nobody")),
            ("theme", "dark", read.text("theme").unwrap_or("nothing")),
            ("cart", r#"{"tea":2}"#, read.text("cart").unwrap_or("nothing")),
        ];
        for (name, expected, got) in fields {
            transcript.check(&format!("{region} reads her {name}"), expected, got);
        }
        let level = read.auth.as_ref().map_or(0, |auth| auth.level);
        transcript.check(&format!("{region} reads her assurance level"), 2, level);
        transcript.check(&format!("{region} reads her visits"), 1, read.counter("visits"));
        transcript.check(&format!("{region} reads her tags"), "new".into(), members(&read, "tags"));
        let second = app.read_after(&ended, &ended_token).await?;
        transcript.check(
            &format!("{region} reads the session of her phone"),
            "phone",
            second.text("device").unwrap_or("nothing"),
        );
    }
    Ok(Sessions { kept, ended })
}

fn cut(cluster: &LocalCluster, transcript: &mut Transcript<'_>) -> Result<(), CliError> {
    transcript.scene("The links from eu to us and to ap are cut");
    for far in ["us", "ap"] {
        cluster.links().set("eu", far, false, LinkMode::Cut)?;
    }
    let cut = cluster.links().report().iter().filter(|link| link.mode == LinkMode::Cut).count();
    transcript.check("four directions are cut", 4, cut);
    Ok(())
}

async fn write_on_both_sides(
    cast: &Cast,
    id: &SessionId,
    transcript: &mut Transcript<'_>,
) -> Result<(), CliError> {
    transcript.scene("Both sides go on writing the same session");
    let eu = Changes::new()
        .set("language", "de")
        .set("theme", "light")
        .set("coupon", "eu10")
        .add("visits", 2)
        .add_member("tags", "vip");
    let us = Changes::new()
        .set("currency", "usd")
        .set("theme", "blue")
        .remove("cart")
        .add("visits", 3)
        .add_member("tags", "beta")
        .remove_member("tags", "new");
    transcript.check("eu takes the write", "OK".into(), outcome(&cast.eu.write(id, eu).await));
    transcript.check("us takes the write", "OK".into(), outcome(&cast.us.write(id, us).await));
    let (in_eu, in_us) = (cast.eu.read(id).await?, cast.us.read(id).await?);
    transcript.check("eu reads its own theme", "light", in_eu.text("theme").unwrap_or("nothing"));
    transcript.check("us reads its own theme", "blue", in_us.text("theme").unwrap_or("nothing"));
    transcript.check(
        "eu cannot see the currency set in us",
        "nothing",
        in_eu.text("currency").unwrap_or("nothing"),
    );
    transcript.check(
        "us cannot see the language set in eu",
        "nothing",
        in_us.text("language").unwrap_or("nothing"),
    );
    Ok(())
}

async fn log_out_on_one_side(
    cast: &Cast,
    id: &SessionId,
    transcript: &mut Transcript<'_>,
) -> Result<(), CliError> {
    transcript.scene("Ada logs her phone out in eu; us does not know and goes on");
    transcript.check("eu takes the logout", "OK".into(), outcome(&cast.eu.log_out(id).await));
    transcript.check("in eu it is over at once", "SESSION_REVOKED".into(), outcome(&cast.eu.read(id).await));
    transcript.check("us still touches it", "OK".into(), outcome(&cast.us.touch(id).await));
    let later = cast.us.write(id, Changes::new().set("device", "tablet")).await;
    transcript.check("us still writes it, later than the logout", "OK".into(), outcome(&later));
    Ok(())
}

async fn crash(
    cluster: &LocalCluster,
    cast: &Cast,
    id: &SessionId,
    transcript: &mut Transcript<'_>,
) -> Result<(), CliError> {
    transcript.scene(&format!("{VICTIM} is killed with SIGKILL in the middle of it"));
    let synced = cast.us.write_synced(id, Changes::new().set("note", "before the crash")).await;
    transcript.check("us has a write on disk before it", "OK".into(), outcome(&synced));
    let before = incarnation(cluster).await;
    cluster.kill(VICTIM).await?;
    let while_down = cast.us.write(id, Changes::new().set("address", "Main St 1")).await;
    transcript.check("us goes on without it", "OK".into(), outcome(&while_down));
    cluster.restart(VICTIM).await?;
    cluster.wait_node(VICTIM).await?;
    let is_new = before > 0 && incarnation(cluster).await > before;
    transcript.check("it is back with a new incarnation", true, is_new);
    Ok(())
}

/// The incarnation of the node that is to crash; 0 if it does not answer.
async fn incarnation(cluster: &LocalCluster) -> u32 {
    let views = cluster.views(false).await;
    let victim = views.iter().find(|view| view.node.name == VICTIM);
    victim.and_then(|view| view.status.as_ref().ok()).map_or(0, |status| status.incarnation)
}

async fn heal(cluster: &LocalCluster, transcript: &mut Transcript<'_>) -> Result<(), CliError> {
    transcript.scene("The links are healed");
    let differing = compare_digests(&cluster.views(true).await).differing.len();
    transcript.check("before that the replicas differ", true, differing > 0);
    let before = transcript.elapsed();
    cluster.links().heal_all();
    cluster.wait_equal(AGREE_MAX).await;
    let comparison = compare_digests(&cluster.views(true).await);
    let verdict = if comparison.agrees() { "equal".to_owned() } else { format!("{comparison:?}") };
    transcript.check("all nine nodes have byte-equal state", "equal".to_owned(), verdict);
    let took = transcript.elapsed().saturating_sub(before);
    transcript.note(&format!(
        "{} partitions compared, {} ms after the heal",
        comparison.compared,
        took.as_millis()
    ));
    Ok(())
}

async fn merged(cast: &Cast, id: &SessionId, transcript: &mut Transcript<'_>) -> Result<(), CliError> {
    transcript.scene("What merged");
    for (region, app) in [("eu", &cast.eu), ("us", &cast.us), ("ap", &cast.ap)] {
        let session = app.read(id).await?;
        let fields = [
            ("language", "de", "set in eu"),
            ("coupon", "eu10", "set in eu"),
            ("currency", "usd", "set in us"),
            ("theme", "blue", "set on both sides, the later one wins"),
            ("cart", "nothing", "removed in us, unchanged in eu"),
            ("note", "before the crash", "on disk before the crash"),
            ("address", "Main St 1", "written while a node was down"),
        ];
        for (name, expected, why) in fields {
            let got = session.text(name).unwrap_or("nothing");
            transcript.check(&format!("{region}: {name} is {expected:?} ({why})"), expected, got);
        }
        let visits = session.counter("visits");
        transcript.check(&format!("{region}: visits is 6 (1, and 2 in eu, and 3 in us)"), 6, visits);
        let tags = members(&session, "tags");
        transcript.check(
            &format!("{region}: tags are beta,vip (each added on one side)"),
            "beta,vip".into(),
            tags,
        );
    }
    Ok(())
}

async fn ended(cast: &Cast, id: &SessionId, transcript: &mut Transcript<'_>) {
    transcript.scene("The logout has won everywhere, also over what was written after it");
    for (region, app) in [("eu", &cast.eu), ("us", &cast.us), ("ap", &cast.ap)] {
        let read = outcome(&app.read(id).await);
        transcript.check(&format!("{region}: a read is refused"), "SESSION_REVOKED".into(), read);
        let write = outcome(&app.write(id, Changes::new().set("device", "laptop")).await);
        transcript.check(&format!("{region}: a write is refused"), "SESSION_REVOKED".into(), write);
    }
}

fn members(session: &Session, set: &str) -> String {
    let members = session.sets.get(set).into_iter().flatten();
    members.map(|member| String::from_utf8_lossy(member).into_owned()).collect::<Vec<_>>().join(",")
}
