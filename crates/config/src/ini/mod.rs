//! The file format: sections of options, as Python 3.11's `RawConfigParser(inline_comment_prefixes=(';', '#'),
//! strict=False)` reads them, with the place of each.
//!
//! Deliberately absent: what a section or an option means (`tables`, `read`), and files (the text is given).

mod parse;

use std::collections::{BTreeSet, HashMap};

use crate::Place;

pub use parse::decode;

/// What one or several files say together.
#[derive(Clone, Debug, Default)]
pub struct Document {
    sections: Vec<Section>,
    index: HashMap<String, usize>,
    /// `[DEFAULT]`: options that every section has.
    defaults: Section,
    /// Sections and options that were written more than once.
    pub repeats: Vec<Repeat>,
    /// The sections of the file that was read last.
    touched: BTreeSet<usize>,
}

/// A section; those of one name are one.
#[derive(Clone, Debug, Default)]
pub struct Section {
    /// As written between the brackets, blanks included.
    pub name: String,
    /// Of its first header.
    pub place: Option<Place>,
    options: Vec<Setting>,
}

/// An option as it was last set.
#[derive(Clone, Debug)]
pub struct Setting {
    /// In lower case.
    pub name: String,
    /// Without comments; lines are joined by line feeds.
    pub value: String,
    /// Where.
    pub place: Option<Place>,
    /// The comment that was cut off one of its lines.
    pub comment: Option<String>,
}

/// A section or option that was written before.
#[derive(Clone, Debug)]
pub struct Repeat {
    /// Which section.
    pub section: String,
    /// Which option, if it is not the section itself.
    pub option: Option<String>,
    /// Where it is now.
    pub place: Place,
    /// Where it was before.
    pub before: Place,
}

/// A file that breaks the format.
#[derive(Clone, Debug)]
pub struct Malformed {
    /// All that the reference says of the file.
    pub words: String,
    /// The bad lines and what is wrong with each; never empty.
    pub lines: Vec<(usize, String)>,
}

impl Section {
    /// An option of this section alone.
    pub fn setting(&self, name: &str) -> Option<&Setting> {
        self.options.get(self.position(name)?)
    }

    /// Its options, in the order in which they were first set.
    pub fn settings(&self) -> &[Setting] {
        &self.options
    }

    /// Where an option is. A section has a dozen: looking at each is cheaper than an index of them.
    fn position(&self, name: &str) -> Option<usize> {
        self.options.iter().position(|setting| setting.name == name)
    }

    /// Sets an option; gives its place among the others and the one that was there.
    fn set(&mut self, setting: Setting) -> (usize, Option<Setting>) {
        let at = self.position(&setting.name).unwrap_or(self.options.len());
        match self.options.get_mut(at) {
            Some(known) => (at, Some(std::mem::replace(known, setting))),
            None => {
                self.options.push(setting);
                (at, None)
            }
        }
    }
}

impl Document {
    /// The sections in the order in which they first occur, `[DEFAULT]` excepted.
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// A section.
    pub fn section(&self, name: &str) -> Option<&Section> {
        self.sections.get(*self.index.get(name)?)
    }

    /// An option of a section, or what `[DEFAULT]` says.
    pub fn setting(&self, section: &str, option: &str) -> Option<&Setting> {
        self.section(section)?.setting(option).or_else(|| self.defaults.setting(option))
    }

    /// All options of a section, those of `[DEFAULT]` included.
    pub fn settings(&self, section: &str) -> Vec<&Setting> {
        let Some(section) = self.section(section) else { return Vec::new() };
        let inherited = self.defaults.settings().iter().filter(|setting| section.setting(&setting.name).is_none());
        section.settings().iter().chain(inherited).collect()
    }

    /// Replaces every `%(here)s` that the file read last has brought: those of an included file are that file's folder.
    pub fn expand_here(&mut self, here: &str) {
        const HERE: &str = "%(here)s";
        let inherited: Vec<Setting> =
            self.defaults.options.iter().filter(|setting| setting.value.contains(HERE)).cloned().collect();
        let all = if inherited.is_empty() { self.touched.clone() } else { (0..self.sections.len()).collect() };
        for at in all {
            let Some(section) = self.sections.get_mut(at) else { continue };
            for setting in inherited
                .iter()
                .filter(|setting| section.position(&setting.name).is_none())
                .cloned()
                .collect::<Vec<_>>()
            {
                section.set(setting);
            }
            for setting in section.options.iter_mut().filter(|setting| setting.value.contains(HERE)) {
                setting.value = setting.value.replace(HERE, here);
            }
        }
    }

    /// The place of a section, which is made if it is not there.
    fn enter(&mut self, name: &str, place: &Place) -> usize {
        let at = match self.index.get(name) {
            Some(&at) => at,
            None => {
                self.sections.push(Section { name: name.into(), place: Some(place.clone()), ..Section::default() });
                self.index.insert(name.into(), self.sections.len() - 1);
                self.sections.len() - 1
            }
        };
        self.touched.insert(at);
        at
    }
}
