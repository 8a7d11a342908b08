//! The web client: its hooks, its types, and the bundle that the server serves.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use messaging_tests::js::{self, Package};

static WEB: Package = Package::at("examples/web");

#[test]
fn the_hooks_are_correct_under_network_failures() {
    if !js::is_ready(&WEB, "the hooks") {
        return;
    }
    let said = WEB.run("npx", &["vitest", "run"]).unwrap();
    let tests = said
        .lines()
        .find_map(|line| line.trim().strip_prefix("Tests  "))
        .unwrap();
    js::count("hooks", tests.split(' ').next().unwrap());
}

#[test]
fn the_source_is_typed_and_has_no_lint() {
    if js::is_ready(&WEB, "the types") {
        WEB.run("npm", &["run", "check"]).unwrap();
    }
}

#[test]
fn the_served_bundle_is_built_from_the_source() {
    if !js::is_ready(&WEB, "the bundle") {
        return;
    }
    let built = tempfile::tempdir().unwrap();
    let directory = built.path().to_str().unwrap();
    WEB.run("npx", &["vite", "build", "--emptyOutDir", "--outDir", directory])
        .unwrap();
    let (built, served) = (files(built.path()), files(&WEB.directory().join("dist")));
    assert_eq!(
        built.keys().collect::<Vec<_>>(),
        served.keys().collect::<Vec<_>>(),
        "run `npm run build` in examples/web"
    );
    assert!(built == served, "run `npm run build` in examples/web");
}

/// Returns all files below a directory, by relative path.
fn files(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else {
                found.insert(
                    path.strip_prefix(root).unwrap().to_owned(),
                    fs::read(&path).unwrap(),
                );
            }
        }
    }
    found
}
