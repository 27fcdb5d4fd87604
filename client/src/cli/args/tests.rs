mod examples;

use clap::CommandFactory;

use super::*;

#[test]
fn the_definition_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn up_takes_regions_and_links() {
    let line = [
        "sojourn",
        "up",
        "--regions",
        "eu,us",
        "--nodes",
        "2",
        "--wan",
        "40ms",
        "--wan-bandwidth",
        "100mbit",
    ];
    let Command::Up(up) = Cli::try_parse_from(line).unwrap().command else { panic!("not up") };
    assert_eq!(up.shape.regions.unwrap(), ["eu", "us"]);
    assert_eq!(up.shape.nodes, Some(2));
    assert_eq!(up.shape.wan.as_millis(), 40);
    assert_eq!(up.shape.wan_bandwidth, Some(12_500_000));
}

#[test]
fn output_and_data_may_stand_anywhere() {
    let cli = Cli::try_parse_from(["sojourn", "status", "--output", "json", "--data", "/x"]).unwrap();
    assert_eq!(cli.output, Format::Json);
    assert_eq!(cli.data_dir(), PathBuf::from("/x"));
}

#[test]
fn heal_needs_two_regions_or_all() {
    let parse = |rest: &[&str]| Cli::try_parse_from([&["sojourn", "link", "heal"], rest].concat()).is_ok();
    assert!(parse(&["eu", "us"]));
    assert!(parse(&["--all"]));
    assert!(!parse(&[]));
    assert!(!parse(&["eu"]));
    assert!(!parse(&["eu", "us", "--all"]));
}

#[test]
fn a_read_cannot_ask_for_each_quorum() {
    let line = ["sojourn", "session", "get", "id", "--consistency", "each-quorum"];
    assert!(Cli::try_parse_from(line).is_err());
}

#[test]
fn an_id_may_begin_with_a_hyphen() {
    let line = ["sojourn", "explain", "--output", "json", "shop", "-x7"];
    let cli = Cli::try_parse_from(line).unwrap();
    let Command::Explain(explain) = cli.command else { panic!("not explain") };
    assert_eq!((explain.id.as_str(), cli.output), ("-x7", Format::Json));
    let line = ["sojourn", "watch", "shop", "--session", "-x7", "--json"];
    let Command::Watch(watch) = Cli::try_parse_from(line).unwrap().command else { panic!("not watch") };
    assert_eq!((watch.session.as_deref(), watch.json), (Some("-x7"), true));
}

#[test]
fn every_command_about_a_session_takes_such_an_id() {
    let id_of = |rest: &[&str]| {
        let line = [&["sojourn", "session"], rest, &["--namespace", "shop"]].concat();
        let Command::Session(session) = Cli::try_parse_from(line).unwrap().command else {
            panic!("{rest:?}")
        };
        assert_eq!(session.reach.namespace, "shop", "{rest:?}: what follows the id is still an option");
        match session.command {
            SessionCommand::Create(_) => panic!("it has no id"),
            SessionCommand::Get(args) => args.target.id,
            SessionCommand::Set(args) => args.target.id,
            SessionCommand::Unset(args) => args.target.id,
            SessionCommand::Add(args) => args.target.id,
            SessionCommand::Touch(args) => args.target.id,
            SessionCommand::Rotate(args) => args.target.id,
            SessionCommand::Revoke(args) => args.target.id,
            SessionCommand::Receipt(args) => args.target.id,
        }
    };
    for id in ["-x7", "-_-", "--x", "-"] {
        assert_eq!(id_of(&["get", id]), id);
        assert_eq!(id_of(&["set", id, "a=b"]), id);
        assert_eq!(id_of(&["unset", id, "a"]), id);
        assert_eq!(id_of(&["add", id, "n=1"]), id);
        assert_eq!(id_of(&["touch", id]), id);
        assert_eq!(id_of(&["rotate", id]), id);
        assert_eq!(id_of(&["revoke", id, "--reason", "lost"]), id);
        assert_eq!(id_of(&["receipt", id, "--token", "AA=="]), id);
    }
    let line = ["sojourn", "principal", "logout", "ada", "--keep", "-x7"];
    let Command::Principal(args) = Cli::try_parse_from(line).unwrap().command else {
        panic!("not principal")
    };
    let PrincipalCommand::Logout { keep, .. } = args.command else { panic!("not logout") };
    assert_eq!(keep.as_deref(), Some("-x7"));
}

#[test]
fn a_negative_amount_is_an_amount() {
    let line = ["sojourn", "session", "add", "id", "stock=-2", "--member", "tags=a"];
    let Command::Session(session) = Cli::try_parse_from(line).unwrap().command else { panic!("not session") };
    let SessionCommand::Add(add) = session.command else { panic!("not add") };
    assert_eq!(add.counters, ["stock=-2"]);
    assert_eq!(add.members, ["tags=a"]);
}

#[test]
fn bench_takes_parts_and_refuses_a_mix_of_nothing() {
    let parse = |rest: &[&str]| match Cli::try_parse_from([&["sojourn", "bench"], rest].concat())?.command {
        Command::Bench(bench) => Ok(bench),
        other => panic!("not bench: {other:?}"),
    };
    let all = parse(&[]).unwrap();
    assert!(all.wants(&[Part::Memory]));
    assert_eq!(all.mix().unwrap(), Mix { reads: 80, writes: 15, touches: 5 });
    let some = parse(&["--only", "reads,synced"]).unwrap();
    assert!(some.wants(&[Part::Unary, Part::Synced]));
    assert!(!some.wants(&[Part::Unary, Part::Bytes]));
    let nothing = parse(&["--reads", "0", "--writes", "0", "--touches", "0"]).unwrap();
    assert!(nothing.mix().unwrap_err().contains("nothing to do"));
    assert!(parse(&["--skew", "9"]).is_err_and(|error: clap::Error| error.to_string().contains("0 to 4")));
    assert!(parse(&["--only", "everything"]).is_err());
}
