//! What the operating system counts for a process, from Linux's `/proc`.

/// One scheduler tick in microseconds: `USER_HZ` is 100 on every architecture.
const TICK_US: u64 = 10_000;

/// User and system time of a process so far, in microseconds; none without `/proc`.
pub(crate) fn cpu_us(pid: u32) -> Option<u64> {
    parse_cpu(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// Memory of a process that is in RAM, in bytes; none without `/proc`.
pub(crate) fn resident_bytes(pid: u32) -> Option<u64> {
    parse_resident(&std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?)
}

/// proc(5): `utime` and `stime` are fields 14 and 15; the name in field 2 may hold spaces.
fn parse_cpu(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some((user + system) * TICK_US)
}

fn parse_resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.split_ascii_whitespace().next()?.parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_are_found() {
        assert_eq!(parse_cpu("7 (a b) c) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20"), Some(3_000_000));
        assert_eq!(parse_cpu("7 (a) S 1"), None);
        assert_eq!(parse_resident("Name:\ta\nVmRSS:\t    12 kB\nRssAnon:\t 1 kB\n"), Some(12 * 1024));
    }
}
