//! A panic of the product is a result, which is printed with its seed, and no noise in between.

use std::cell::RefCell;
use std::panic::{self, PanicHookInfo};

use sojourn_sim::{SIMULATION_THREAD, panic_message, played_here};

use super::output::note;

/// What has panicked in this thread.
#[derive(Default)]
struct Panics {
    first: Option<String>,
    is_told: bool,
}

thread_local! {
    static PANICS: RefCell<Panics> = RefCell::default();
}

/// Prints nothing when a simulation panics once: its run ends with that. A second panic while
/// the first one unwinds ends the whole process, so it is said which run it was. Every other
/// thread's panic is a bug here.
pub(crate) fn silence() {
    let report = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if std::thread::current().name() == Some(SIMULATION_THREAD) {
            PANICS.with_borrow_mut(|panics| panics.note(info));
        } else {
            report(info);
        }
    }));
}

impl Panics {
    fn note(&mut self, info: &PanicHookInfo<'_>) {
        match &self.first {
            None => self.first = Some(said(info)),
            Some(first) if !self.is_told => {
                let run = played_here().unwrap_or_else(|| "a run".to_owned());
                note(format!("{run} panics while it panics, which may end this process; first: {first}"));
                self.is_told = true;
            }
            Some(_) => {}
        }
    }
}

fn said(info: &PanicHookInfo<'_>) -> String {
    let said = panic_message(info.payload());
    let place = info.location().map(|at| format!(", {}:{}", at.file(), at.line()));
    format!("{said}{}", place.unwrap_or_default()).replace('\n', " ")
}
