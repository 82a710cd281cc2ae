/// Special tokens beside the seven that every tokenizer may have, as `transformers` 4 and 5 write them:
///
/// * `additional_special_tokens`, a list: 4, and read by 5 where the other key gives no list;
/// * `extra_special_tokens`, a list: 5, in place of the former;
/// * `extra_special_tokens` or `model_specific_special_tokens`, a map from names to tokens: 4 and 5;
/// * any other key that ends with `_token` and holds a text, such as `image_token`: 5.
///
/// All classes of tokenizers read them alike. Where the two versions number new tokens differently, 5 decides.
enum ExtraTokens {
    private static let standard: Set<String> = [
        "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token",
    ]

    /// - Parameter files: contents and names, the one that counts first.
    /// - Returns: tokens in the order in which missing ones are added.
    static func read(_ files: [(JSONValue?, String)]) throws(TokenizerError) -> [AddedToken] {
        var named: [AddedToken] = []
        for (file, name) in files {
            for member in file?.members ?? [] {
                if member.key.hasSuffix("_token"), !standard.contains(member.key), case .string = member.value {
                    named.append(try TokenizerSettings.read(member.value, "\(name): \(member.key)"))
                }
            }
            for key in ["extra_special_tokens", "model_specific_special_tokens"] {
                for member in file?[key]?.members ?? [] {
                    named.append(try TokenizerSettings.read(member.value, "\(name): \(key).\(member.key)"))
                }
            }
        }
        var listed: [AddedToken] = []
        // Of the new key both files count, the configuration first; of the old one the first that has it.
        for (file, name) in files.sorted(by: { first, _ in first.1 == "tokenizer_config.json" }) {
            listed += try list("extra_special_tokens", file, name) ?? []
        }
        if listed.isEmpty {
            for (file, name) in files {
                guard let found = try list("additional_special_tokens", file, name) else { continue }
                listed = found
                break
            }
        }
        return named + listed
    }

    /// nil when there is no list under the key.
    private static func list(
        _ key: String, _ file: JSONValue?, _ name: String
    ) throws(TokenizerError) -> [AddedToken]? {
        switch file?[key] {
        case .array(let values)?:
            var tokens: [AddedToken] = []
            for value in values { tokens.append(try TokenizerSettings.read(value, "\(name): \(key)")) }
            return tokens
        case nil, .null?: return nil
        case .object? where key == "extra_special_tokens": return nil
        case let other?:
            throw TokenizerError(.format, "\(name): \(key) is \(other.typeName), expected a list of tokens")
        }
    }
}
