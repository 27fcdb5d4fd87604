//! Finding things by their names, with help for who mistypes one.

/// How near a name must come to be offered, from 0 to 1.
const NEAR: f64 = 0.75;

/// A name that nothing has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what} {name:?}; {}", offer(near, all))]
pub struct Unknown {
    /// What was looked for.
    pub what: &'static str,
    /// The name that was given.
    pub name: String,
    /// Names that come near, the nearest first.
    pub near: Vec<String>,
    /// All names.
    pub all: Vec<String>,
}

fn offer(near: &[String], all: &[String]) -> String {
    match near {
        [] => format!("there are: {}", all.join(", ")),
        near => format!("did you mean {}?", near.join(" or ")),
    }
}

/// The thing of a name.
///
/// # Errors
/// [`Unknown`], if nothing has this name.
pub(crate) fn find_in<'a, T>(
    what: &'static str,
    name: &str,
    among: impl Iterator<Item = (&'a str, T)>,
) -> Result<T, Unknown> {
    let mut all = Vec::new();
    for (known, thing) in among {
        if known == name {
            return Ok(thing);
        }
        all.push(known.to_owned());
    }
    Err(Unknown { what, name: name.to_owned(), near: near(name, &all), all })
}

fn near(name: &str, all: &[String]) -> Vec<String> {
    let lower = name.to_lowercase();
    let mut scored: Vec<(f64, &String)> =
        all.iter().map(|known| (strsim::jaro_winkler(&lower, known), known)).collect();
    scored.retain(|(score, known)| *score >= NEAR || (lower.len() > 2 && known.contains(&lower)));
    scored.sort_by(|one, other| other.0.total_cmp(&one.0));
    scored.into_iter().take(3).map(|(_, known)| known.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(name: &str) -> Result<u8, Unknown> {
        find_in("thing", name, [("region-cut", 1), ("disk-full", 2)].into_iter())
    }

    #[test]
    fn near_names_are_offered() {
        assert_eq!(find("region-cut"), Ok(1));
        let said = |name| find(name).unwrap_err().to_string();
        assert_eq!(said("regoin-cut"), "unknown thing \"regoin-cut\"; did you mean region-cut?");
        assert_eq!(said("full"), "unknown thing \"full\"; did you mean disk-full?");
        assert_eq!(said("zzz"), "unknown thing \"zzz\"; there are: region-cut, disk-full");
    }
}
