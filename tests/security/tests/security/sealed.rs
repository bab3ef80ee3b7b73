//! What a copy of the database, of the blobs or of the log tells: nothing of what is sealed.

use crate::world::world;
use std::path::{Path, PathBuf};
use yinxin_security::marks::Search;

/// Files of the data folder that are no part of a copy of the database: the key itself, and compiled plugins.
const NOT_COPIED: [&str; 2] = ["master.key", "compiled"];

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if NOT_COPIED.contains(&name.as_str()) {
            continue;
        }
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

#[test]
fn database_and_blobs_tell_nothing_that_is_sealed() {
    let world = world();
    let search = Search::new(world.sealed.iter().cloned());
    let (mut bytes, mut told) = (0, Vec::new());
    let files = files(&world.data());
    for file in &files {
        let content = std::fs::read(file).unwrap();
        bytes += content.len();
        let seen = search.told(&content);
        told.extend(
            seen.iter()
                .map(|seen| format!("{}: {seen}", file.display())),
        );
    }
    println!(
        "{} marks in {} files, {bytes} bytes",
        search.len(),
        files.len()
    );
    assert!(search.len() > 50 && files.len() > 30 && bytes > 1_000_000);
    assert!(told.is_empty(), "{}", told.join("\n"));
}

#[test]
fn the_log_tells_nothing_that_is_sealed_or_anybodys() {
    let world = world();
    // The log has no need of names either.
    let people = world
        .people
        .iter()
        .flat_map(|person| person.marks.iter().cloned());
    // The demo clerks' password stands in the source; the server with simulators says it on purpose.
    let sealed = world
        .sealed
        .iter()
        .filter(|mark| mark.what != "password of the clerks");
    let search = Search::new(sealed.cloned().chain(people));
    let log = std::fs::read(world.log()).unwrap();
    let lines = String::from_utf8_lossy(&log).lines().count();
    println!("{} marks in {lines} lines", search.len());
    assert!(lines > 500, "the server has said much: {lines}");
    assert!(
        String::from_utf8_lossy(&log).contains(" TRACE "),
        "more than usual"
    );
    let told = search.told(&log);
    assert!(told.is_empty(), "{}", told.join("\n"));
}

/// A search that finds nothing has to be one that would.
#[test]
fn what_may_be_read_is_found() {
    let world = world();
    let names = world
        .people
        .iter()
        .filter_map(|person| person.unit.as_ref());
    let names = names.map(|unit| yinxin_security::marks::Mark::text(&unit.name, &unit.name));
    let search = Search::new(names);
    let database = std::fs::read(world.data().join("yinxin.db")).unwrap();
    assert_eq!(
        search.find(&database).len(),
        4,
        "names of units are subjects of cases"
    );
    assert!(search.len() == 4);
}
