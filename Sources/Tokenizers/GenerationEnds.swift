/// The ids that end an answer by the settings of the model, in the order of the file.
///
/// As in transformers they stand in generation_config.json, and in config.json only where that file is missing.
struct GenerationEnds: Sendable {
    let ids: [Int32]

    init(_ generation: JSONValue?, model: JSONValue?) throws(TokenizerError) {
        if let generation {
            ids = try Self.read(generation["eos_token_id"], "generation_config.json: eos_token_id")
        } else {
            // A model that also sees may have them in the part that describes its language model.
            let value = model?["eos_token_id"]
            let own = value == nil || value == .null ? model?["text_config"]?["eos_token_id"] : value
            ids = try Self.read(own, "config.json: eos_token_id")
        }
    }

    private static func read(_ value: JSONValue?, _ place: String) throws(TokenizerError) -> [Int32] {
        let ends: [JSONValue]
        switch value {
        case nil, .null: ends = []
        case .array(let list): ends = list.filter { $0 != .null }
        case .some(let one): ends = [one]
        }
        var ids: [Int32] = []
        for end in ends {
            guard case .integer(let number) = end else {
                throw TokenizerError(.format, "\(place) is not an integer or a list of them")
            }
            // Some published files have -1 for "none".
            if number >= 0 { ids.append(try tokenID(number, place)) }
        }
        return ids
    }
}
