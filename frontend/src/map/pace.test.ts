import assert from "node:assert/strict";
import { test } from "node:test";
import { isSoftware } from "./pace";

test("processors that paint are known by their names", () => {
  for (const name of ["ANGLE (Google, Vulkan 1.3.0 (SwiftShader Device (Subzero) (0x0000C0DE)), SwiftShader driver)", "llvmpipe (LLVM 15.0.7, 256 bits)", "Microsoft Basic Render Driver", "Apple Software Renderer"])
    assert.ok(isSoftware(name), name);
});

test("graphics cards are left alone", () => {
  for (const name of ["ANGLE (Intel, Mesa Intel(R) UHD Graphics 620, OpenGL 4.6)", "ANGLE (NVIDIA GeForce RTX 3060 Direct3D11)", "Mali-G78", ""]) assert.ok(!isSoftware(name), name);
});
