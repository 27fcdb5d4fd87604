//! The calls as ticks, a lane for each client.

use std::collections::BTreeMap;

use super::calls::{Call, chosen};
use super::canvas::{Canvas, Label, Look};
use super::named::Named;
use crate::plan::Plan;
use crate::prose::Names;

/// More calls than this are not drawn.
const CALLS_MAX: usize = 1_500;
const LANE_PX: u32 = 20;

/// A lane for each client, and one for the calls of the liveness phase.
pub(super) fn draw(canvas: &mut Canvas, plan: &Plan, names: &Names, calls: &[Call<'_>], named: &Named) {
    let drawn = chosen(calls, named, CALLS_MAX);
    if drawn.len() < calls.len() {
        canvas.heading(&format!("Calls ({} of {} drawn)", drawn.len(), calls.len()));
    } else {
        canvas.heading(&format!("Calls ({})", calls.len()));
    }
    let mut lanes: BTreeMap<u32, Vec<&Call<'_>>> = BTreeMap::new();
    for call in drawn {
        let lane = call.planned.map_or(u32::MAX, |planned| u32::from(planned.client));
        lanes.entry(lane).or_default().push(call);
    }
    for (lane, calls) in lanes {
        let (text, aside) = match u16::try_from(lane) {
            Ok(client) => (format!("client {client}"), names.region(plan.shape.region_of_client(client))),
            Err(_) => ("liveness calls".into(), String::new()),
        };
        let top = canvas.row(LANE_PX, &Label { text: &text, aside: &aside, ..Label::default() });
        draw_lane(canvas, top, &calls, names, named);
    }
}

fn draw_lane(canvas: &mut Canvas, top: u32, calls: &[&Call<'_>], names: &Names, named: &Named) {
    let middle = top + LANE_PX / 2;
    canvas.draw(format_args!("<line class=\"hair\" x1=\"0\" x2=\"100%\" y1=\"{middle}\" y2=\"{middle}\"/>"));
    for call in calls {
        let (name, title) = (call.ending().name(), call.title(names));
        let end_us = call.answer.map_or(call.sent_us, |(at_us, _)| at_us);
        if canvas.scale.ppm(end_us) - canvas.scale.ppm(call.sent_us) > 3_000 {
            let class = format!("wait wait-{name}");
            canvas.bar(
                (call.sent_us, end_us),
                (middle - 1, 3),
                &Look { class: &class, words: "", title: &title },
            );
        }
        if call.session().is_some_and(|session| named.sessions.contains(&session)) {
            canvas.draw(format_args!(
                "<circle class=\"named\" cx=\"{}\" cy=\"{middle}\" r=\"8.5\"/>",
                canvas.scale.x(call.sent_us)
            ));
        }
        canvas.mark(call.sent_us, middle, &format!("c-{name}"), &title);
    }
}
