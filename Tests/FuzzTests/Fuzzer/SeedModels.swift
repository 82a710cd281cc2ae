#if canImport(LanguageModels)
    import Foundation
    import LanguageModels

    enum SeedModels {
        private static let folder = "LanguageModelsTests"

        static func configurations() throws -> [String: [UInt8]] {
            var seeds: [String: [UInt8]] = [:]
            for set in ["FamilyFixtures", "RandomFixtures"] {
                for name in try FileManager.default.contentsOfDirectory(atPath: "Tests/\(folder)/\(set)")
                where set == "FamilyFixtures" || name.hasSuffix("-new") {
                    seeds[name] = [UInt8](try Seeds.fixture("\(folder)/\(set)/\(name)/config.json"))
                }
            }
            return seeds
        }

        static func weights() throws -> [String: [UInt8]] {
            func file(_ header: String, _ elements: Int) -> [UInt8] {
                let bytes = Array(header.utf8)
                return withUnsafeBytes(of: UInt64(bytes.count).littleEndian) { [UInt8]($0) } + bytes
                    + [UInt8](repeating: 0, count: elements)
            }
            return [
                "empty": file("{}", 0),
                "two": file(
                    #"{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},"#
                        + #""b":{"dtype":"BF16","shape":[1],"data_offsets":[8,10]}}"#, 10),
                "scalar": file(#"{"a":{"dtype":"I64","shape":[],"data_offsets":[0,8]}}"#, 8),
                "nothing": file(#"{"a":{"dtype":"BOOL","shape":[0,7],"data_offsets":[0,0]}}"#, 0),
                "adapter": [UInt8](
                    try Seeds.fixture("\(folder)/AdapterFixtures/llama-grouped/adapter_model.safetensors")),
            ]
        }

        /// ``ModelInputs/directory(_:)``; weights without elements are refused behind their header.
        static func directories() throws -> [String: [UInt8]] {
            var seeds: [String: [UInt8]] = [:]
            for name in try FileManager.default.contentsOfDirectory(atPath: "Tests/\(folder)/AdapterFixtures").sorted()
            {
                let base = name.split(separator: "+")[0]
                let adapter = "\(folder)/AdapterFixtures/\(name)"
                let parts = try [
                    [UInt8](Seeds.fixture("\(folder)/FamilyFixtures/\(base)/config.json")), [],
                    [UInt8](Seeds.fixture("\(adapter)/adapter_config.json")),
                    [UInt8](Seeds.fixture("\(adapter)/adapter_model.safetensors")),
                    Array(#"{"weight_map":{"a":"b.safetensors"}}"#.utf8),
                ]
                seeds[name] = parts.flatMap(Seeds.piece)
            }
            return seeds
        }
    }
#endif
