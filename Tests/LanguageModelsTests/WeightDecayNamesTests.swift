import Testing
import Torch

@testable import LanguageModels

@Suite struct WeightDecayNamesTests {
    /// The rule goes by names, so a new family must not bring a table that it does not know.
    @Test func everyFamilysTableIsLeftOutAndItsHeadIsNot() throws {
        for family in Families.all {
            func decays(_ name: String) throws -> Bool {
                WeightDecay.matrices.applies(to: NamedTensor(name, try Tensor.zeros([2, 3])))
            }
            #expect(try !decays(family.embeddingName), "\(family.embeddingName)")
            #expect(try decays(family.headName), "\(family.headName)")
        }
    }
}
