//! `--help` of every command, so that a change of it is a line in a diff.

use crate::world::run;

fn help(command: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let ran = run(folder.path(), &[command, &["--help"]].concat());
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran:?}");
    // Defaults from the environment of the test, which names its own folder.
    ran.stdout
        .replace(&folder.path().display().to_string(), "[folder]")
        .replace("correct horse", "")
}

macro_rules! help {
    ($($name:ident: $($word:literal)*;)*) => {$(
        #[test]
        fn $name() {
            insta::assert_snapshot!(help(&[$($word),*]));
        }
    )*};
}

help! {
    fallow: ;
    keys_new: "keys" "new";
    keys_list: "keys" "list";
    keys_import: "keys" "import";
    keys_export: "keys" "export";
    keys_prove: "keys" "prove";
    deploy_plan: "deploy" "plan";
    deploy_run: "deploy" "run";
    offer_detect: "offer" "detect";
    offer_publish: "offer" "publish";
    offer_show: "offer" "show";
    announce: "announce";
    request: "request";
    check: "check";
    release: "release";
    withdraw: "withdraw";
    resources: "resources";
    requests: "requests";
    ticket: "ticket";
    verify: "verify";
    audit: "audit";
    access_nonce: "access" "nonce";
    access_grant: "access" "grant";
    access_verify: "access" "verify";
    approver: "approver";
    validator: "validator";
    relayer: "relayer";
    status: "status";
    demo: "demo";
    node: "node";
    up: "up";
}
