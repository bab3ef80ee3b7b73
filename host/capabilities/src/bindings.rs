//! What `bindgen!` makes of the contract in `wit/`. Nothing here is written by hand.
//!
//! Only storage asks the database during a call and is async; everything else answers from what the engine gathered
//! before. Every import may trap, because limits do; an interface's error type is wrapped so that `?` tells an answer
//! from a trap.

wasmtime::component::bindgen!({
    path: [
        "../../wit/accounts", "../../wit/storage", "../../wit/payments", "../../wit/messaging", "../../wit/tokens",
        "../../wit/identity", "../../wit/certificates", "../../wit/documents", "../../wit/site",
    ],
    world: "yinxin:site/plugin",
    imports: {
        "yinxin:storage/storage": async | trappable,
        default: trappable,
    },
    exports: { default: async },
    trappable_error_type: {
        "yinxin:accounts/accounts.error" => crate::accounts::Refused,
        "yinxin:storage/storage.error" => crate::storage::Refused,
        "yinxin:payments/payments.error" => crate::payments::Refused,
        "yinxin:messaging/messaging.error" => crate::messaging::Refused,
        "yinxin:tokens/tokens.error" => crate::tokens::Refused,
        "yinxin:identity/identity.error" => crate::identity::Refused,
        "yinxin:certificates/certificates.error" => crate::certificates::Refused,
        "yinxin:documents/documents.error" => crate::documents::Refused,
    },
    additional_derives: [PartialEq, serde::Serialize, serde::Deserialize],
});
