import Foundation
import LanguageModels
import Tokenizers

/// Which token pads batches of a new reward model.
///
/// transformers reads a reward at the last token that is not `pad_token_id`. Where that is the token a text ends with, as
/// in GPT-2's many followers, it reads the one before, and a finished answer scores like a cut one. So a reward model gets
/// a padding token that no text ends with, in config.json and in its tokenizer's settings; or none, and transformers
/// scores one text at a time.
enum RewardPadding {
    /// - Parameter endings: the last tokens of the texts that the model was trained on.
    static func choose(_ model: RewardModel, _ tokenizer: Tokenizer, endings: Set<Int32>) -> Int32? {
        [model.configuration.padToken, tokenizer.padID, tokenizer.unknownID, tokenizer.bosID].lazy
            .compactMap { $0 }
            .first { !endings.contains($0) && Int($0) < model.configuration.vocabularySize }
    }

    /// Writes the choice into the model and into the settings that transformers makes the tokenizer from.
    static func apply(_ model: RewardModel, _ tokenizer: Tokenizer, endings: Set<Int32>) throws {
        let token = choose(model, tokenizer, endings: endings)
        model.paddingToken = token
        guard let token, token != tokenizer.padID, let text = tokenizer.token(token) else { return }
        let name = "tokenizer_config.json"
        var settings: [String: JSON] = [:]
        if let data = model.companions[name] { settings = try JSON.read(data, source: name) }
        settings["pad_token"] = .string(text)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        model.companions[name] = try encoder.encode(JSON.object(settings))
        // The older of the two files would have the last word.
        let older = "special_tokens_map.json"
        if let data = model.companions[older] {
            var map = try JSON.read(data, source: older)
            map["pad_token"] = .string(text)
            model.companions[older] = try encoder.encode(JSON.object(map))
        }
    }
}
