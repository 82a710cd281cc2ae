import Foundation
import Loopback

/// Keys of a reward of kind `http`; the formats are described in `Sources/Rewards/HTTP/RewardFormat.swift`.
package struct HTTPKeys: ConfigurationSection, Equatable {
    package enum Format: String, Sendable, CaseIterable, ChoiceValue { case plain, openai, sglang }
    package enum Text: String, Sendable, CaseIterable, ChoiceValue { case auto, joined, sequence }

    package var url = ""
    package var format = Format.plain
    package var text = Text.auto
    package var model: String?
    package var labelKey = "label"
    package var tokenVariable: String?
    package var batch = 32
    package var timeout = 30.0
    package var retries = 3

    package init() {}

    mutating func visit<Keys: KeyVisitor>(_ keys: inout Keys) {
        keys.value(
            "url", &url, "Of the reward server, with its path. http on this machine only; https anywhere.",
            changes: .free)
        keys.value(
            "format", &format,
            "plain: prompts and responses, as OpenRLHF's reward servers have it. openai: as vLLM's. sglang: as SGLang's."
        )
        keys.value(
            "text", &text,
            "Prompt and answer as one text. joined: one after the other. sequence: as the policy saw them, special tokens and chat template included. auto: sequence where a chat template is used."
        )
        keys.optional("model", &model, "Name of the model, for a server that has several.")
        keys.value(
            "label_key", &labelKey, .notEmpty, "Column of the prompts' lines that format plain sends as labels.")
        keys.optional(
            "token_env", &tokenVariable, "Environment variable of the scorers that holds a bearer token to be sent.",
            changes: .free)
        keys.value("batch", &batch, .within(1...65536), "Answers in one request.", changes: .free)
        keys.value("timeout_s", &timeout, .within(0.01...86400), "Seconds it may take for one request.", changes: .free)
        keys.value(
            "retries", &retries, .within(0...100),
            "Attempts after the first, with growing pauses, before the answers of a request count as failed.",
            changes: .free)
    }

    /// What is wrong with the URL; nil = nothing. Prompts, answers and the token would be readable on the way to
    /// another machine, hence https there.
    var troubleWithURL: String? {
        url.isEmpty ? "a reward of kind http needs the URL of a server" : Self.trouble(withURL: url)
    }

    /// The same for a URL that stands elsewhere.
    package static func trouble(withURL url: String) -> String? {
        guard let parts = URLComponents(string: url), let host = parts.host, !host.isEmpty else {
            return "'\(url)' is no URL; write http://127.0.0.1:PORT/PATH"
        }
        guard parts.user == nil, parts.password == nil else {
            return "a URL stands in logs; give a token by token_env in place of user and password"
        }
        switch parts.scheme?.lowercased() {
        case "https": return nil
        case "http" where Loopback.isHost(host): return nil
        case "http": return "\(host) is not this machine; use https, or a tunnel to a port of 127.0.0.1"
        default: return "'\(url)' starts neither with http:// nor with https://"
        }
    }
}

/// Keys of a reward of kind `swift`.
package struct SwiftKeys: ConfigurationSection, Equatable {
    package var function = ""

    package init() {}

    mutating func visit<Keys: KeyVisitor>(_ keys: inout Keys) {
        keys.value("function", &function, "Name under which SwiftRewards.all has it.")
    }
}
