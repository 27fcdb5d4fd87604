//! The examples that the help shows.

use clap::{ArgMatches, Command, CommandFactory};

use crate::cli::args::Cli;

#[test]
fn every_command_shows_examples_of_itself_that_parse() {
    let mut checked = Vec::new();
    check(&Cli::command(), &[], &mut checked);
    for leaf in ["demo", "link cut", "session receipt", "principal end", "policy set", "namespace key"] {
        assert!(checked.iter().any(|path| path == leaf), "{leaf} was not checked: {checked:?}");
    }
}

fn check(command: &Command, path: &[&str], checked: &mut Vec<String>) {
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let examples: Vec<&str> = help.lines().filter_map(example).collect();
    let name = path.join(" ");
    assert!(!examples.is_empty() && help.contains("Example"), "the help of {name:?} shows no example");
    for example in examples {
        let matches = Cli::command().try_get_matches_from(words(example));
        let matches = matches.unwrap_or_else(|error| panic!("an example of {name:?}: {example}\n{error}"));
        let of = path_of(&matches);
        assert!(of.starts_with(path), "{example:?} stands in the help of {name:?}");
    }
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        check(below, &[path, &[below.get_name()]].concat(), checked);
    }
    checked.push(name);
}

/// The command in a line of the help, without what is before and after it in a shell, and
/// without the remark beside it.
fn example(line: &str) -> Option<&str> {
    let line = line.strip_prefix("  ").filter(|line| !line.starts_with(' '))?;
    let line = line.rsplit_once("| sojourn ").map_or(line, |(before, _)| &line[before.len() + 2..]);
    let ends = ["  ", " | ", " > "].into_iter().filter_map(|end| line.find(end));
    Some(&line[..ends.min().unwrap_or(line.len())]).filter(|line| line.starts_with("sojourn "))
}

/// As a shell hands them over; the examples have no blanks within quotes.
fn words(example: &str) -> impl Iterator<Item = String> {
    example.split_whitespace().map(|word| word.replace('\'', ""))
}

fn path_of(mut matches: &ArgMatches) -> Vec<&str> {
    let mut path = Vec::new();
    while let Some((name, below)) = matches.subcommand() {
        path.push(name);
        matches = below;
    }
    path
}
