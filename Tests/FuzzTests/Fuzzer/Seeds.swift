import Foundation

/// Inputs to begin with, small and of every kind. Run at the root of the repository: texts are taken from the fixtures of
/// the tests.
enum Seeds {
    /// Bytes of the largest; a fuzzer learns most from short ones.
    static let largest = 8192

    static func write(to folder: String) throws {
        var seeds: [FuzzInput: [String: [UInt8]]] = [:]
        seeds[.envelope] = SeedMessages.envelopes
        seeds[.coordinator] = SeedMessages.coordinator
        seeds[.session] = SeedMessages.session
        seeds[.manifest] = try SeedMessages.manifests()
        seeds[.journal] = try SeedJournals.files()
        seeds[.rows] = SeedJournals.rows
        seeds[.tokenizer] = try SeedTokenizers.files()
        seeds[.pattern] = SeedTokenizers.patterns
        seeds[.template] = try SeedTokenizers.templates()
        seeds[.json] = SeedTexts.json
        seeds[.lines] = try SeedTexts.lines()
        seeds[.yaml] = try SeedTexts.yaml()
        seeds[.math] = try SeedTexts.math()
        seeds[.answer] = SeedTexts.answers
        #if canImport(LanguageModels)
            seeds[.safetensors] = try SeedModels.weights()
            seeds[.config] = try SeedModels.configurations()
            seeds[.model] = try SeedModels.directories()
        #endif
        for (input, files) in seeds {
            let target = URL(filePath: folder).appending(path: input.rawValue)
            try FileManager.default.createDirectory(at: target, withIntermediateDirectories: true)
            for (name, bytes) in files where bytes.count <= largest {
                try Data(bytes).write(to: target.appending(path: "seed-\(name)"))
            }
        }
    }

    static func fixture(_ path: String) throws -> Data { try Data(contentsOf: URL(filePath: "Tests/\(path)")) }

    static func json(_ value: Any) throws -> [UInt8] {
        [UInt8](try JSONSerialization.data(withJSONObject: value, options: [.sortedKeys, .withoutEscapingSlashes]))
    }

    static func join(_ parts: [[UInt8]]) -> [UInt8] { Array(parts.joined(separator: [0xFF])) }
    static func join(_ parts: String...) -> [UInt8] { join(parts.map { Array($0.utf8) }) }

    static func named(_ texts: [String]) -> [String: [UInt8]] {
        Dictionary(uniqueKeysWithValues: texts.enumerated().map { ("\($0)", Array($1.utf8)) })
    }

    /// Behind its length, as ``ByteReader/piece()`` reads it.
    static func piece(_ bytes: [UInt8]) -> [UInt8] { [UInt8(bytes.count & 255), UInt8(bytes.count >> 8)] + bytes }
    static func frames(_ frames: [[UInt8]]) -> [UInt8] { [UInt8(frames.count)] + frames.flatMap(piece) }
}
