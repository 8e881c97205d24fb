// Of com.unity.xr.arfoundation 5 and 6 what ArDepth.cs and ArMeshes.cs need, filled by a test.
using System;
using System.Collections.Generic;
using Unity.Collections;

namespace UnityEngine.XR.ARSubsystems
{
    public struct XRCpuImage : IDisposable
    {
        public enum Format { Unknown, DepthFloat32 = 5, DepthUint16 = 6 }

        public struct Plane
        {
            public int rowStride { get; set; }
            public NativeArray<byte> data { get; set; }
        }

        public int width { get; set; }
        public int height { get; set; }
        public Format format { get; set; }
        public Plane Only { get; set; }

        public Plane GetPlane(int planeIndex) => Only;

        public void Dispose() { }
    }
}

namespace UnityEngine.XR.ARFoundation
{
    public sealed class AROcclusionManager : MonoBehaviour
    {
        public ARSubsystems.XRCpuImage? Depth;

        public bool TryAcquireEnvironmentDepthCpuImage(out ARSubsystems.XRCpuImage cpuImage)
        {
            cpuImage = Depth ?? default(ARSubsystems.XRCpuImage);
            return Depth != null;
        }
    }

    public sealed class ARMeshManager : MonoBehaviour
    {
        public IList<MeshFilter> meshes { get; } = new List<MeshFilter>();
    }
}
