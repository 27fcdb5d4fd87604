//! The calls as a table that can be filtered.

use std::collections::BTreeSet;

use super::calls::{Call, Ending, chosen};
use super::escape::{Escaped, shortened};
use super::named::Named;
use super::time::spoken;
use crate::plan::{Plan, SessionId};
use crate::prose::{self, Names};

/// More calls than this are not listed.
const ROWS_MAX: usize = 1_200;
const ANSWER_LETTERS_MAX: usize = 300;

/// The section with the filters and the table. If the violation names a
/// session, its calls are what a reader sees first.
pub(super) fn section(plan: &Plan, names: &Names, calls: &[Call<'_>], named: &Named) -> String {
    let rows = chosen(calls, named, ROWS_MAX);
    let mut html = String::from("<section>\n<h2>Calls</h2>\n");
    if rows.len() < calls.len() {
        html.push_str(&format!("<p>{} of {} calls are listed.</p>\n", rows.len(), calls.len()));
    }
    html.push_str(&filters(&rows, named));
    html.push_str(
        "<div class=\"table\" tabindex=\"0\" role=\"group\" aria-label=\"calls, scrollable\"><table id=\"calls\">\n\
         <thead><tr><th scope=\"col\">call</th><th scope=\"col\">sent</th><th scope=\"col\">took</th>\
         <th scope=\"col\">client</th><th scope=\"col\">session</th><th scope=\"col\">action</th>\
         <th scope=\"col\">consistency</th><th scope=\"col\">durability</th><th scope=\"col\">token</th>\
         <th scope=\"col\">ended</th><th scope=\"col\">answer</th></tr></thead>\n<tbody>\n",
    );
    for call in rows {
        html.push_str(&row(plan, names, call, named));
    }
    html.push_str("</tbody>\n</table></div>\n</section>\n");
    html
}

fn filters(rows: &[&Call<'_>], named: &Named) -> String {
    let sessions: BTreeSet<SessionId> = rows.iter().filter_map(|call| call.session()).collect();
    let first_named = named.sessions.iter().find(|session| sessions.contains(session));
    let mut html = String::from(
        "<p class=\"filters\"><label>Session <select id=\"by-session\"><option value=\"\">all</option>",
    );
    for session in &sessions {
        let chosen = if Some(session) == first_named { " selected=\"selected\"" } else { "" };
        let mark = if named.sessions.contains(session) { " (named by the violation)" } else { "" };
        html.push_str(&format!("<option value=\"{0}\"{chosen}>{0}{mark}</option>", session.0));
    }
    html.push_str("</select></label> <label>Ended <select id=\"by-ending\"><option value=\"\">all</option>");
    for ending in Ending::ALL {
        html.push_str(&format!("<option>{}</option>", ending.name()));
    }
    html.push_str(
        "</select></label> <label>Text <input id=\"by-text\" type=\"search\" size=\"24\"/></label> \
         <output id=\"count\"></output></p>\n",
    );
    html
}

fn row(plan: &Plan, names: &Names, call: &Call<'_>, named: &Named) -> String {
    let (ending, sent) = (call.ending().name(), spoken(call.sent_us));
    let took = call.answer.map_or_else(|| "–".into(), |(at_us, _)| spoken(at_us - call.sent_us));
    let said = shortened(&call.said(names), ANSWER_LETTERS_MAX);
    let is_named = named.operations.contains(&call.number);
    let class = if is_named { " class=\"named\"" } else { "" };
    let session = call.session().map_or_else(String::new, |session| session.0.to_string());
    let planned = call.planned.map_or_else(
        || "<td colspan=\"6\">a call of the liveness phase</td>".into(),
        |planned| {
            format!(
                "<td>{} <i>{}</i></td><td>{session}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td>",
                planned.client,
                Escaped(&names.region(plan.shape.region_of_client(planned.client))),
                prose::action(planned.action),
                prose::consistency(planned.consistency),
                prose::durability(planned).unwrap_or("–"),
                prose::token(planned.token),
            )
        },
    );
    format!(
        "<tr{class} data-s=\"{session}\" data-e=\"{ending}\"><td>{}</td><td>{sent}</td><td>{took}</td>{planned}\
         <td class=\"e-{ending}\">{ending}</td><td>{}</td></tr>\n",
        call.name(),
        Escaped(&said)
    )
}
