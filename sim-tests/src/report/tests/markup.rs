//! A small check of markup: tags balance, attributes are quoted, ids are unique.

use std::collections::BTreeSet;

const RAW: [&str; 2] = ["style", "script"];

/// Checks a page that is written as XML would have it, but for its style and script.
pub(super) fn check(page: &str) -> Result<(), String> {
    let mut rest = page.strip_prefix("<!DOCTYPE html>\n").ok_or("no doctype")?;
    let (mut open, mut ids): (Vec<&str>, BTreeSet<&str>) = (Vec::new(), BTreeSet::new());
    while let Some(start) = rest.find('<') {
        text(&rest[..start])?;
        let end = start + rest[start..].find('>').ok_or("a tag without an end")?;
        let tag = &rest[start + 1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            if open.pop() != Some(name) {
                return Err(format!("</{name}> closes nothing"));
            }
            continue;
        }
        let name = tag.split([' ', '\n', '/']).next().unwrap_or_default();
        attributes(tag[name.len()..].trim_end_matches('/'), &mut ids)
            .map_err(|why| format!("<{tag}>: {why}"))?;
        if !tag.ends_with('/') {
            open.push(name);
        }
        if RAW.contains(&name) {
            rest = &rest[rest.find(&format!("</{name}>")).ok_or("style or script without an end")?..];
        }
    }
    text(rest)?;
    if open.is_empty() { Ok(()) } else { Err(format!("never closed: {open:?}")) }
}

fn attributes<'a>(mut rest: &'a str, ids: &mut BTreeSet<&'a str>) -> Result<(), String> {
    let mut names = BTreeSet::new();
    while !rest.trim().is_empty() {
        let (name, after) = rest.split_once("=\"").ok_or("an attribute without a value")?;
        let (value, after) = after.split_once('"').ok_or("a value without an end")?;
        text(value)?;
        let name = name.trim();
        if !names.insert(name) {
            return Err(format!("{name} twice"));
        }
        if name == "id" && !ids.insert(value) {
            return Err(format!("id {value} twice"));
        }
        rest = after;
    }
    Ok(())
}

fn text(text: &str) -> Result<(), String> {
    if text.contains(['<', '>']) {
        return Err(format!("bare markup in {text:?}"));
    }
    for after in text.split('&').skip(1) {
        if !["amp;", "lt;", "gt;", "quot;", "#39;"].iter().any(|entity| after.starts_with(entity)) {
            return Err(format!("a bare & before {after:?}"));
        }
    }
    Ok(())
}

#[test]
fn the_check_can_fail() {
    let page = |body: &str| format!("<!DOCTYPE html>\n<html>{body}</html>\n");
    assert_eq!(check(&page("<p a=\"1\">x &amp; y<br/></p>")), Ok(()));
    for bad in ["<p>", "</p>", "<p a>x</p>", "<p a=\"1>x</p>", "a & b", "a > b", "<i id=\"1\"/><b id=\"1\"/>"]
    {
        assert!(check(&page(bad)).is_err(), "{bad}");
    }
}
