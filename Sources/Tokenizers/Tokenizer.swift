internal import Synchronization

/// Turns text into token ids and back, as the `tokenizers` library does for the same `tokenizer.json`.
///
/// Immutable apart from a cache of words, so one instance serves all threads.
package final class Tokenizer: Sendable {
    /// Every id is below this. A model needs at least as many rows in its embedding.
    package let vocabularySize: Int
    /// What ends an answer: the end-of-text token of the tokenizer first, then those that the generation settings add.
    package let eosIDs: [Int32]
    package let bosID: Int32?
    package let padID: Int32?
    package let unknownID: Int32?

    let model: any TokenModel
    let added: AddedVocabulary
    let normalizer: Normalizer?
    let preTokenizer: PreTokenizer?
    let postProcessor: PostProcessor
    let decoder: Decoder
    let settings: TokenizerSettings
    private let cache = Mutex(WordCache())
    private let ends = Mutex<[Int32]?>(nil)

    package var eosID: Int32? { eosIDs.first }

    /// What ends an answer: the end tokens of ``eosIDs`` and those with which the chat template ends an assistant's turn.
    package var answerEnds: [Int32] {
        ends.withLock { known in
            if let known { return known }
            // A template that cannot be read fails where it is used, with its own message.
            let turn = (try? chatTemplate()).map { TurnShape(of: $0, self).ends } ?? []
            let all = eosIDs + turn.filter { !eosIDs.contains($0) }
            known = all
            return all
        }
    }

    init(
        model: any TokenModel, added: AddedVocabulary, normalizer: Normalizer?, preTokenizer: PreTokenizer?,
        postProcessor: PostProcessor, decoder: Decoder, settings: TokenizerSettings
    ) {
        self.model = model
        self.added = added
        self.normalizer = normalizer
        self.preTokenizer = preTokenizer
        self.postProcessor = postProcessor
        self.decoder = decoder
        self.settings = settings
        vocabularySize = max(model.tokens.count, Int(added.byID.keys.max() ?? -1) + 1)
        func id(_ text: String?) -> Int32? { text.flatMap { added.id(of: $0) ?? model.id(of: $0) } }
        bosID = id(settings.bos)
        padID = id(settings.pad)
        unknownID = id(settings.unknown)
        var ends: [Int32] = []
        for end in [id(settings.eos)].compactMap({ $0 }) + settings.generationEnds.ids where !ends.contains(end) {
            ends.append(end)
        }
        eosIDs = ends
    }

    /// The ids of a text. Added tokens in the text are recognized.
    /// - Parameter addSpecialTokens: also what the post-processor puts around a text, such as a start token.
    package func encode(_ text: String, addSpecialTokens: Bool = true) -> [Int32] {
        var ids = addSpecialTokens ? postProcessor.prefix : []
        let bytes = Array(text.utf8)
        // A second thread does without the cache rather than wait for it.
        let done: Void? = cache.withLockIfAvailable { cache in encode(bytes, into: &ids, &cache) }
        if done == nil {
            var own = WordCache()
            encode(bytes, into: &ids, &own)
        }
        if addSpecialTokens { ids += postProcessor.suffix }
        return ids
    }

    private func encode(_ bytes: [UInt8], into ids: inout [Int32], _ cache: inout WordCache) {
        var scratch = Scratch()
        for stretch in added.split(bytes, isNormalized: false) {
            if let id = stretch.id {
                ids.append(id)
            } else {
                encode(bytes, stretch.range, into: &ids, &cache, &scratch)
            }
        }
    }

    /// The ids of a stretch of a text between added tokens.
    func encode(_ bytes: [UInt8], _ range: Range<Int>) -> [Int32] {
        var ids: [Int32] = []
        var scratch = Scratch()
        let done: Void? = cache.withLockIfAvailable { encode(bytes, range, into: &ids, &$0, &scratch) }
        if done == nil {
            var own = WordCache()
            encode(bytes, range, into: &ids, &own, &scratch)
        }
        return ids
    }

    private func encode(
        _ bytes: [UInt8], _ range: Range<Int>, into ids: inout [Int32], _ cache: inout WordCache,
        _ scratch: inout Scratch
    ) {
        var text = Array(bytes[range])
        if let normalizer { text = normalizer.apply(text) }
        for inner in added.split(text, isNormalized: true) {
            if let id = inner.id {
                ids.append(id)
                continue
            }
            let startsInput = range.lowerBound == 0 && inner.range.lowerBound == 0
            var pieces = Pieces(
                inner.range.count == text.count ? text : Array(text[inner.range]), startsInput: startsInput)
            preTokenizer?.apply(&pieces)
            encode(pieces, into: &ids, &cache, &scratch)
        }
    }

    private func encode(
        _ pieces: Pieces, into ids: inout [Int32], _ cache: inout WordCache, _ scratch: inout Scratch
    ) {
        pieces.bytes.withUnsafeBufferPointer { buffer in
            for range in pieces.ranges {
                guard let place = cache.place(buffer, range) else {
                    model.encode(buffer, range, into: &ids, &scratch)
                    continue
                }
                if cache.read(buffer, range, place: place, into: &ids) { continue }
                let start = ids.count
                model.encode(buffer, range, into: &ids, &scratch)
                cache.write(buffer, range, place: place, ids: ids[start...])
            }
        }
    }

    /// The text of ids. Ids that the vocabulary does not have are left out, as models often have more rows than their
    /// tokenizer has tokens.
    package func decode(_ ids: [Int32], skipSpecialTokens: Bool = false) -> String {
        var stream = streamingDecoder(skipSpecialTokens: skipSpecialTokens)
        var output: [UInt8] = []
        for id in ids { stream.push(id, to: &output) }
        stream.finish(to: &output)
        return String(decoding: output, as: UTF8.self)
    }

    package func streamingDecoder(skipSpecialTokens: Bool = false) -> StreamingDecoder {
        StreamingDecoder(self, skipSpecialTokens: skipSpecialTokens)
    }

    /// The id of a token by its exact text as the vocabulary writes it.
    package func id(of token: String) -> Int32? { added.id(of: token) ?? model.id(of: token) }

    /// The text of a token as the vocabulary writes it, nil if there is no such id.
    package func token(_ id: Int32) -> String? {
        if let token = added.byID[id] { return token.content }
        guard id >= 0, Int(id) < model.tokens.count else { return nil }
        return model.tokens[Int(id)]
    }

    package func isSpecial(_ id: Int32) -> Bool { token(id).map { added.isSpecial(Array($0.utf8)) } ?? false }
}

/// Decodes ids as they come. The texts it gives never end within a character, and joined they are exactly what
/// `decode` gives for all ids.
package struct StreamingDecoder: Sendable {
    private let tokenizer: Tokenizer
    private let skipSpecialTokens: Bool
    private var run: DecoderRun

    init(_ tokenizer: Tokenizer, skipSpecialTokens: Bool) {
        self.tokenizer = tokenizer
        self.skipSpecialTokens = skipSpecialTokens
        run = DecoderRun(tokenizer.decoder)
    }

    mutating func push(_ id: Int32, to output: inout [UInt8]) {
        guard let text = tokenizer.token(id) else { return }
        let bytes = Array(text.utf8)
        if skipSpecialTokens, tokenizer.added.isSpecial(bytes) { return }
        run.push(bytes, to: &output)
    }

    mutating func finish(to output: inout [UInt8]) { run.finish(to: &output) }

    /// The text that is certain after this id; empty while a character is incomplete.
    package mutating func push(_ id: Int32) -> String {
        var output: [UInt8] = []
        push(id, to: &output)
        return String(decoding: output, as: UTF8.self)
    }

    /// The rest, with U+FFFD for what never became a character.
    package mutating func finish() -> String {
        var output: [UInt8] = []
        finish(to: &output)
        return String(decoding: output, as: UTF8.self)
    }
}
