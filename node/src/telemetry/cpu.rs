//! CPU time of this process, from the operating system's accounting.

/// One scheduler tick, in microseconds: Linux reports process times in 1/100 s
/// on every architecture (`USER_HZ`).
const TICK_US: u64 = 10_000;

/// User and system time used by this process so far, in microseconds; 0 where
/// the system does not tell (no `/proc`).
#[must_use]
pub fn process_cpu_us() -> u64 {
    std::fs::read_to_string("/proc/self/stat").ok().and_then(|stat| parse(&stat)).unwrap_or(0)
}

/// proc(5): `utime` and `stime` are fields 14 and 15; the command in field 2 may hold spaces.
fn parse(stat: &str) -> Option<u64> {
    let (_, after_command) = stat.rsplit_once(')')?;
    let mut fields = after_command.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some((user + system) * TICK_US)
}

#[cfg(test)]
mod tests {
    #[test]
    fn user_and_system_time_are_added() {
        let stat = "7 (a b) c) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20";
        assert_eq!(super::parse(stat), Some(3_000_000));
        assert_eq!(super::parse("7 (a) S 1"), None);
    }
}
