//! What is refused or kept before anything runs.

use crate::{call, guest, prepare};
use std::time::Duration;
use yinxin_sandbox::{Cache, Limits, LoadError, Sandbox, Settings};

#[tokio::test]
async fn what_does_not_fit_into_a_place_is_refused_at_load() {
    let sandbox = Sandbox::new(Settings::default()).unwrap();
    let load = |text: &str| {
        sandbox
            .load(&wat::parse_str(text).unwrap())
            .err()
            .expect("refused")
    };
    let memory =
        load("(component (core module $m (memory 1000)) (core instance (instantiate $m)))");
    assert!(
        matches!(memory, LoadError::Memory { .. } | LoadError::Invalid(_)),
        "{memory}"
    );
    let table =
        load("(component (core module $m (table 20000 funcref)) (core instance (instantiate $m)))");
    assert!(
        matches!(table, LoadError::Table { .. } | LoadError::Invalid(_)),
        "{table}"
    );
    let memories = load(
        "(component (core module $m (memory 1)) (core instance (instantiate $m)) (core instance (instantiate $m)))",
    );
    assert!(
        matches!(memories, LoadError::Memories { .. } | LoadError::Invalid(_)),
        "{memories}"
    );
    let bare = load(r#"(component (import "f" (func)))"#);
    assert!(
        matches!(&bare, LoadError::BareImport(name) if name == "f"),
        "{bare}"
    );
    assert!(matches!(
        sandbox.load(b"not wasm"),
        Err(LoadError::Invalid(_))
    ));
    assert!(matches!(
        sandbox.load(&vec![0; 5 << 20]),
        Err(LoadError::TooLarge { .. })
    ));
}

#[test]
fn imports_are_listed_with_their_functions() {
    let sandbox = Sandbox::new(Settings::default()).unwrap();
    let loaded = sandbox.load(&guest()).unwrap();
    assert_eq!(loaded.imports.len(), 1);
    assert_eq!(loaded.imports[0].interface, "host");
    assert_eq!(
        loaded.imports[0].functions,
        ["wait", "take", "take-many", "take-text", "effect"]
    );
    assert!(loaded.exports.iter().any(|name| name == "endless"));
}

#[tokio::test]
async fn the_cache_gives_back_what_this_host_wrote_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("compiled");
    let open = |key: u8| {
        let cache = Some(Cache::open(&path, &[key; 32]).unwrap());
        Sandbox::new(Settings {
            cache,
            ..Settings::default()
        })
        .unwrap()
    };
    let works = async |sandbox: &Sandbox| {
        let guest = prepare(sandbox, &guest());
        assert!(
            call::<(u32,)>(sandbox, &guest, &Limits::default(), Duration::ZERO, "good")
                .await
                .is_ok()
        );
    };
    let file = || {
        let files: Vec<_> = std::fs::read_dir(&path)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        assert_eq!(files.len(), 1, "{files:?}");
        files[0].clone()
    };

    works(&open(1)).await;
    let written = std::fs::read(file()).unwrap();
    works(&open(1)).await;
    assert_eq!(
        std::fs::read(file()).unwrap(),
        written,
        "taken from the cache"
    );

    // One bit in the code, a byte more, a cut, an empty file: compiled again and mended.
    let mut flipped = written.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    let longer = [&written[..], &[0]].concat();
    for damaged in [flipped, longer, written[..1000].to_vec(), Vec::new()] {
        // In its place, as the files themselves cannot be written to.
        let place = file();
        std::fs::remove_file(&place).unwrap();
        std::fs::write(place, &damaged).unwrap();
        works(&open(1)).await;
        assert_eq!(std::fs::read(file()).unwrap().len(), written.len());
    }

    // Another host's file is not run: it is replaced by one under this host's key.
    let before = std::fs::read(file()).unwrap();
    works(&open(2)).await;
    let tag = before.len() - 32;
    assert_ne!(std::fs::read(file()).unwrap()[tag..], before[tag..]);

    // A folder that others can write to is not used.
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    assert!(Cache::open(&path, &[1; 32]).is_err());
}
