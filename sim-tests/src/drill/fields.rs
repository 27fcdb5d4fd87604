//! The fields of one `[[fault]]`: each kind takes its own, and says so.

use std::collections::BTreeMap;

use toml::{Spanned, Value};

use super::error::DrillError;
use super::quantity::milliseconds;
use crate::names::find_in;
use crate::plan::{Cut, NodeId};
use crate::prose::Names;

/// A fault as it is written.
pub(super) type FaultTable = BTreeMap<String, Spanned<Value>>;

/// Takes fields one by one; what nobody has taken does not belong there.
pub(super) struct Fields<'a> {
    text: &'a str,
    offset: usize,
    left: FaultTable,
    taken: Vec<&'static str>,
    names: &'a Names,
}

impl<'a> Fields<'a> {
    pub(super) fn new(text: &'a str, table: &Spanned<FaultTable>, names: &'a Names) -> Self {
        let left = table.get_ref().clone();
        Self { text, offset: table.span().start, left, taken: Vec::new(), names }
    }

    /// An error about the whole fault.
    pub(super) fn error(&self, detail: impl Into<String>) -> DrillError {
        DrillError::at(self.text, self.offset, detail)
    }

    fn optional<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&Value) -> Result<T, String>,
    ) -> Result<Option<T>, DrillError> {
        self.taken.push(name);
        let Some(value) = self.left.remove(name) else { return Ok(None) };
        let wrong = |detail| DrillError::at(self.text, value.span().start, format!("`{name}`: {detail}"));
        read(value.get_ref()).map(Some).map_err(wrong)
    }

    fn required<T>(
        &mut self,
        name: &'static str,
        meaning: &str,
        read: impl FnOnce(&Value) -> Result<T, String>,
    ) -> Result<T, DrillError> {
        let value = self.optional(name, read)?;
        value.ok_or_else(|| self.error(format!("this fault needs `{name}`, {meaning}")))
    }

    /// A word out of a list.
    pub(super) fn word<T>(
        &mut self,
        name: &'static str,
        words: impl Iterator<Item = (&'static str, T)> + Clone,
    ) -> Result<T, DrillError> {
        let all: Vec<&str> = words.clone().map(|(word, _)| word).collect();
        let meaning = format!("one of: {}", all.join(", "));
        self.required(name, &meaning, |value| {
            let found = find_in(name, string(value)?, words).map_err(|unknown| unknown.to_string());
            found.map_err(|said| {
                if said.contains("there are") { said } else { format!("{said} Allowed: {}", all.join(", ")) }
            })
        })
    }

    pub(super) fn region(&mut self) -> Result<u16, DrillError> {
        let names = self.names;
        let meaning = format!("one of: {}", names.all_regions().join(", "));
        self.required("region", &meaning, |value| {
            let name = string(value)?;
            names.find_region(name).ok_or_else(|| format!("no region {name:?}; allowed is {meaning}"))
        })
    }

    pub(super) fn node(&mut self, name: &'static str) -> Result<NodeId, DrillError> {
        let names = self.names;
        self.required(name, "a node such as \"eu-1\"", |value| node(value, names))
    }

    pub(super) fn nodes(&mut self, name: &'static str) -> Result<Vec<NodeId>, DrillError> {
        let names = self.names;
        self.required(name, "a list of nodes such as [\"eu-1\", \"us-2\"]", |value| {
            let list = value.as_array().ok_or("write a list of nodes such as [\"eu-1\", \"us-2\"]")?;
            let nodes: Result<Vec<NodeId>, String> = list.iter().map(|value| node(value, names)).collect();
            nodes.and_then(
                |nodes| if nodes.is_empty() { Err("the list is empty".to_owned()) } else { Ok(nodes) },
            )
        })
    }

    pub(super) fn cut(&mut self) -> Result<Cut, DrillError> {
        let cut = self.optional("cut", |value| match string(value)? {
            "drop" => Ok(Cut::Drop),
            "hold" => Ok(Cut::Hold),
            other => Err(format!("{other:?} is none of: drop (messages are lost), hold (messages wait)")),
        })?;
        Ok(cut.unwrap_or(Cut::Drop))
    }

    pub(super) fn time_ms(&mut self, name: &'static str, meaning: &str) -> Result<u64, DrillError> {
        self.required(name, meaning, |value| milliseconds(string(value)?))
    }

    /// A time that may be left out.
    pub(super) fn time_ms_or(&mut self, name: &'static str, default_ms: u64) -> Result<u64, DrillError> {
        let time_ms = self.optional(name, |value| milliseconds(string(value)?))?;
        Ok(time_ms.unwrap_or(default_ms))
    }

    /// A duration with a sign: ahead, or back.
    pub(super) fn signed_ms(&mut self, name: &'static str) -> Result<i64, DrillError> {
        self.required(name, "such as \"6h\", or \"-6h\" for back", |value| {
            let text = string(value)?;
            let (sign, rest) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
            milliseconds(rest).map(|ms| sign * i64::try_from(ms).unwrap_or(i64::MAX))
        })
    }

    /// A share, in thousandths.
    pub(super) fn permille(&mut self) -> Result<u16, DrillError> {
        self.required("percent", "a number from 0.1 to 100", |value| {
            let number = value.as_float().or_else(|| value.as_integer().map(|whole| whole as f64));
            match number {
                Some(percent) if (0.1..=100.0).contains(&percent) => Ok((percent * 10.0).round() as u16),
                _ => Err("must be a number from 0.1 to 100".to_owned()),
            }
        })
    }

    pub(super) fn ppm(&mut self) -> Result<i32, DrillError> {
        self.required("ppm", "a whole number from -500000 to 500000", |value| {
            let number = value.as_integer().and_then(|number| i32::try_from(number).ok());
            let allowed = number.filter(|ppm| (-500_000..=500_000).contains(ppm));
            allowed.ok_or_else(|| "must be a whole number from -500000 to 500000".to_owned())
        })
    }

    pub(super) fn flag(&mut self, name: &'static str) -> Result<bool, DrillError> {
        let flag =
            self.optional(name, |value| value.as_bool().ok_or_else(|| "must be true or false".to_owned()))?;
        Ok(flag.unwrap_or(false))
    }

    /// All has been taken, or there is something too many.
    pub(super) fn finish(self) -> Result<(), DrillError> {
        let Some((name, value)) = self.left.iter().next() else { return Ok(()) };
        let allowed = self.taken.join(", ");
        let detail = format!("this kind of fault has no `{name}`; allowed: {allowed}");
        Err(DrillError::at(self.text, value.span().start, detail))
    }
}

fn string(value: &Value) -> Result<&str, String> {
    value.as_str().ok_or_else(|| "must be a text in quotes".to_owned())
}

fn node(value: &Value, names: &Names) -> Result<NodeId, String> {
    let name = string(value)?;
    let found = names.find_node(name);
    found.ok_or_else(|| format!("no node {name:?}; there are: {}", names.all_nodes().join(", ")))
}
