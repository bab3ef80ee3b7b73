//! What `wit-bindgen` makes of the contract in `wit/`. Nothing here is written by hand; the rest of the crate gives the
//! records builders and the functions native fakes.
//!
//! Natively the records also have serde, so that a test can hand the same values to the sandbox's host side, whose
//! copy of the records (`yinxin-core`) has the same names. In the component that code would only be weight.

#[cfg(target_arch = "wasm32")]
wit_bindgen::generate!({
    path: [
        "../wit/accounts", "../wit/storage", "../wit/payments", "../wit/messaging", "../wit/tokens",
        "../wit/identity", "../wit/certificates", "../wit/documents", "../wit/site",
    ],
    world: "yinxin:site/plugin",
    generate_all,
    pub_export_macro: true,
    export_macro_name: "export_component",
    default_bindings_module: "yinxin_sdk::bindings",
    additional_derives: [PartialEq, Eq],
});

#[cfg(not(target_arch = "wasm32"))]
wit_bindgen::generate!({
    path: [
        "../wit/accounts", "../wit/storage", "../wit/payments", "../wit/messaging", "../wit/tokens",
        "../wit/identity", "../wit/certificates", "../wit/documents", "../wit/site",
    ],
    world: "yinxin:site/plugin",
    generate_all,
    pub_export_macro: true,
    export_macro_name: "export_component",
    default_bindings_module: "yinxin_sdk::bindings",
    additional_derives: [PartialEq, Eq, serde::Serialize, serde::Deserialize],
});
