/// Learns a byte-level BPE vocabulary. Source: Sennrich et al. (2016), algorithm 1, with the counts of pairs kept up to
/// date from merge to merge. The same texts in the same order give the same bytes.
package enum BPETrainer {
    /// - Parameters:
    ///   - texts: cut into words by the pattern of GPT-2.
    ///   - vocabularySize: with the special tokens and the 256 bytes; fewer if the texts have no more pairs.
    ///   - specialTokens: get the ids from 0 on, in this order.
    /// - Returns: tokenizer.json.
    package static func train(
        texts: some Sequence<String>, vocabularySize: Int, specialTokens: [String]
    ) throws(TokenizerError) -> [UInt8] {
        if Set(specialTokens).count != specialTokens.count || specialTokens.contains("") {
            throw TokenizerError(.format, "the special tokens must be different and not empty")
        }
        let base = specialTokens.count + 256
        guard vocabularySize >= base else {
            throw TokenizerError(
                .format,
                "a vocabulary of \(vocabularySize) is too small: bytes and special tokens alone are \(base)")
        }
        var words = TrainingWords(try countWords(texts), firstByteID: Int32(specialTokens.count))
        var tokens = specialTokens
        // The bytes in the order of their characters, so that the file reads well.
        for scalar in ByteAlphabet.scalars.sorted() { tokens.append(text(of: scalar)) }
        var known = Set(tokens)
        var merges: [(String, String)] = []
        while tokens.count < vocabularySize, let pair = words.mostFrequentPair() {
            let left = tokens[Int(pair.left)]
            let right = tokens[Int(pair.right)]
            // A text that two different merges give, or that is a special token, keeps its first id.
            guard known.insert(left + right).inserted else {
                words.drop(pair)
                continue
            }
            words.merge(pair, into: Int32(tokens.count))
            tokens.append(left + right)
            merges.append((left, right))
        }
        return Array(document(tokens, merges, specialTokens).utf8)
    }

    /// tokenizer_config.json for a vocabulary trained here, so that `transformers` knows its special tokens.
    package static func configuration(
        bos: String?, eos: String, pad: String, maximumLength: Int, chatTemplate: String? = nil
    ) -> [UInt8] {
        var members: [JSONValue.Member] = [
            .init("add_prefix_space", .bool(false)), .init("bos_token", bos.map { .string($0) } ?? .null),
            .init("clean_up_tokenization_spaces", .bool(false)), .init("eos_token", .string(eos)),
            .init("model_max_length", .integer(maximumLength)), .init("pad_token", .string(pad)),
            .init("tokenizer_class", .string("PreTrainedTokenizerFast")),
        ]
        if let chatTemplate { members.insert(.init("chat_template", .string(chatTemplate)), at: 2) }
        return Array((JSONWriter(indent: 2).text(.object(members)) + "\n").utf8)
    }

    private static func text(of scalar: UInt16) -> String {
        Unicode.Scalar(scalar).map { String($0) } ?? ""
    }

    private static func countWords(
        _ texts: some Sequence<String>
    ) throws(TokenizerError) -> [(word: [UInt8], count: Int)] {
        let pattern = try Pattern(PreTokenizer.gpt2)
        var indices: [ArraySlice<UInt8>: Int] = [:]
        var counts: [(word: [UInt8], count: Int)] = []
        for text in texts {
            let bytes = Array(text.utf8)
            bytes.withUnsafeBufferPointer { buffer in
                pattern.forEachMatch(in: buffer, range: 0..<buffer.count) { match in
                    let word = bytes[match]
                    if let index = indices[word] {
                        counts[index].count += 1
                    } else {
                        indices[ArraySlice(Array(word))] = counts.count
                        counts.append((Array(word), 1))
                    }
                }
            }
        }
        return counts
    }

    private static func document(
        _ tokens: [String], _ merges: [(String, String)], _ specialTokens: [String]
    ) -> String {
        let added = specialTokens.enumerated().map { index, content in
            JSONValue.object([
                .init("id", .integer(index)), .init("content", .string(content)), .init("single_word", .bool(false)),
                .init("lstrip", .bool(false)), .init("rstrip", .bool(false)), .init("normalized", .bool(false)),
                .init("special", .bool(true)),
            ])
        }
        func byteLevel(_ usesPattern: Bool) -> JSONValue {
            .object([
                .init("type", .string("ByteLevel")), .init("add_prefix_space", .bool(false)),
                .init("trim_offsets", .bool(true)), .init("use_regex", .bool(usesPattern)),
            ])
        }
        let model = JSONValue.object([
            .init("type", .string("BPE")), .init("dropout", .null), .init("unk_token", .null),
            .init("continuing_subword_prefix", .null), .init("end_of_word_suffix", .null),
            .init("fuse_unk", .bool(false)), .init("byte_fallback", .bool(false)),
            .init("ignore_merges", .bool(false)),
            .init("vocab", .object(tokens.enumerated().map { .init($1, .integer($0)) })),
            .init("merges", .array(merges.map { .array([.string($0.0), .string($0.1)]) })),
        ])
        let root = JSONValue.object([
            .init("version", .string("1.0")), .init("truncation", .null), .init("padding", .null),
            .init("added_tokens", .array(added)), .init("normalizer", .null),
            .init("pre_tokenizer", byteLevel(true)), .init("post_processor", .null),
            .init("decoder", byteLevel(true)), .init("model", model),
        ])
        return JSONWriter(indent: 2).text(root) + "\n"
    }
}
