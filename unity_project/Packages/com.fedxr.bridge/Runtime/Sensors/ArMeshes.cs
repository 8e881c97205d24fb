#if FEDXR_ARFOUNDATION
using System.Collections.Generic;
using UnityEngine;
using UnityEngine.XR.ARFoundation;
#endif

namespace Fedxr
{
    /// <summary>AR Foundation's mesh of the room; nothing without it.</summary>
    sealed class ArMeshes
    {
#if FEDXR_ARFOUNDATION
        readonly List<Vector3> vertices = new List<Vector3>();
        readonly SceneSearch<ARMeshManager> search = new SceneSearch<ARMeshManager>();

        /// <summary>Write up to <paramref name="most"/> vertices by chance, right-handed, and return how
        /// many; 0 while there is no mesh.</summary>
        internal int Read(Noise noise, float[] points, int most)
        {
            ARMeshManager manager = search.Found;
            if (!manager || manager.meshes.Count == 0)
                return 0;
            int pieces = manager.meshes.Count, n = 0;
            for (int piece = 0; piece < pieces; piece++)
            {
                MeshFilter filter = manager.meshes[piece];
                if (!filter || !filter.sharedMesh)
                    continue;
                filter.sharedMesh.GetVertices(vertices);
                int wanted = most * (piece + 1) / pieces - most * piece / pieces;
                for (int i = 0; i < wanted && vertices.Count > 0; i++)
                    PointsSensor.Write(filter.transform.TransformPoint(
                        vertices[noise.Below(vertices.Count)]), points, n++);
            }
            return n;
        }
#else
        internal int Read(Noise noise, float[] points, int most) => 0;
#endif
    }
}
