//! Attributes that come under OpenTelemetry's names, one by one and not as the text of a line → the named parts of a record.

use std::collections::HashSet;
use std::sync::LazyLock;

use crate::decode::fields::names::LOCATION;
use crate::decode::fields::names::ROLES;
use crate::decode::fields::names::WEAK;
use crate::decode::fields::role;
use crate::model::record::Record;

/// Every name that is more than an attribute: most attributes are not looked up any further.
static KNOWN: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    let roles = ROLES.iter().flat_map(|(_, names)| names.iter().copied());
    LOCATION.iter().map(|(from, _)| *from).chain(roles).collect()
});

/// How strong the names were that filled a record's resource so far.
#[derive(Debug, Clone)]
pub(in crate::decode) struct Ranks([usize; 6]);

impl Default for Ranks {
    fn default() -> Self {
        Self([usize::MAX; 6])
    }
}

impl Ranks {
    /// One attribute of a resource.
    pub(in crate::decode) fn resource(&mut self, name: &str, value: &str, record: &mut Record) {
        if value.is_empty() {
            return;
        }
        let assigned = KNOWN.contains(name) && role((name, value), None, &mut self.0, record);
        if !assigned || WEAK.contains(&name) {
            record.resource.attributes.push(name, value);
        }
    }

    /// One attribute of a log record, an event or a span.
    pub(in crate::decode) fn attribute(&mut self, name: String, value: String, record: &mut Record) {
        if value.is_empty() {
            return;
        }
        if !KNOWN.contains(name.as_str()) {
            return record.attributes.push(name, value);
        }
        if let Some((_, location)) = LOCATION.iter().find(|(from, _)| *from == name) {
            return record.attributes.push(*location, value);
        }
        if !role((&name, &value), None, &mut self.0, record) || WEAK.contains(&name.as_str()) {
            record.attributes.push(name, value);
        }
    }
}
