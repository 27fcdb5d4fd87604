//! Messages that name nodes by their numbers, for a person who knows them by name.

use std::ops::Range;

use super::Names;
use crate::plan::NodeId;

/// The message with each `node 3` in it as the node's name. Violations are
/// worded where nobody knows the plan; whoever shows one to a person puts it through here.
#[must_use]
pub fn with_names(message: &str, names: &Names) -> String {
    let (mut told, mut rest) = (String::new(), message);
    while let Some((place, node)) = first_node(rest) {
        told.push_str(&rest[..place.start]);
        told.push_str(&names.node(node));
        rest = &rest[place.end..];
    }
    told + rest
}

/// Where the first node stands in a text. Whole words only: `node 1` is not in `node 12`.
fn first_node(text: &str) -> Option<(Range<usize>, NodeId)> {
    text.match_indices("node ").find_map(|(start, word)| {
        let after = &text[start + word.len()..];
        let digits = after.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(after.len());
        let number = after[..digits].parse().ok()?;
        let is_word = |beside: Option<char>| !beside.is_some_and(char::is_alphanumeric);
        let is_whole = is_word(text[..start].chars().next_back()) && is_word(after[digits..].chars().next());
        is_whole.then_some((start..start + word.len() + digits, NodeId(number)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Level, draw};

    fn told(message: &str) -> String {
        let mut shape = draw(1, Level::Core).shape;
        shape.regions.truncate(1);
        shape.regions[0].name = "eu".into();
        shape.regions[0].nodes = 13;
        with_names(message, &Names::new(&shape))
    }

    #[test]
    fn nodes_of_the_plan_have_names() {
        assert_eq!(told("node 0 and node 3 differ in partition 0"), "eu-1 and eu-4 differ in partition 0");
        assert_eq!(told("node 12: gone (node 1)"), "eu-13: gone (eu-2)");
    }

    #[test]
    fn a_node_that_a_fault_adds_keeps_its_number() {
        assert_eq!(told("node 13 has no link to node 2"), "node 13 has no link to eu-3");
    }

    #[test]
    fn what_is_no_node_of_a_plan_stays() {
        for same in ["no node holds 3 records", "node 70000", "node 3rd", "anode 3", "a node ", "seven nodes"]
        {
            assert_eq!(told(same), same);
        }
    }
}
