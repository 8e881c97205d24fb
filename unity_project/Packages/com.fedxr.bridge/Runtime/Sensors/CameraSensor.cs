using System;
using System.Threading;
using Unity.Collections;
using UnityEngine;
using UnityEngine.Experimental.Rendering;
using UnityEngine.Rendering;

namespace Fedxr
{
    /// <summary>What a camera of the scene sees, as JPEG. Channel <c>vision/gray</c> (what the shipped
    /// checkpoint reads) or <c>vision/rgb</c>.</summary>
    /// <remarks>The camera is this object's own; it is rendered when a picture is due. The picture comes
    /// from the graphics card some frames later and is packed in a thread of its own, so the scene never
    /// waits; while one is under way no other is begun. What lies behind a headset's glasses is not among
    /// the scene's objects: few headsets let an application see it.</remarks>
    [RequireComponent(typeof(Camera))]
    [AddComponentMenu("fedxr/Camera Sensor")]
    public sealed class CameraSensor : Sensor
    {
        const int Free = 0, Busy = 1, Ready = 2, Failed = 3;

        [Tooltip("Pixels along either side.")]
        [Range(28, 1024)]
        [SerializeField] int side = 112;

        [Tooltip("Send vision/rgb instead of vision/gray.")]
        [SerializeField] bool inColour;

        [Tooltip("Of the JPEG: 1 small to 100 good.")]
        [Range(1, 100)]
        [SerializeField] int quality = 85;

        Camera eye;
        RenderTexture target;
        Action<AsyncGPUReadbackRequest> arrived;
        WaitCallback pack;
        byte[] pixels, packed, jpeg;
        long takenUs;
        string trouble;
        volatile int stage;
        bool gone;

        /// <summary>One picture a second, and only the newest waits.</summary>
        public CameraSensor() : base("camera", 1, "latest")
        {
        }

        /// <inheritdoc/>
        public override string Layout => inColour ? "vision/rgb" : "vision/gray";

        /// <summary>Pixels along either side.</summary>
        internal int Side => side;

        /// <inheritdoc/>
        /// <exception cref="InvalidOperationException">The graphics card gives no pictures back.</exception>
        public override bool Sample(long captureUs, FrameBuilder frame)
        {
            if (stage == Failed)
                throw new InvalidOperationException(trouble);
            bool added = false;
            if (stage == Ready)
            {
                added = frame.AddPicture(
                    Channel, PictureEncoding.Jpeg, jpeg, 0, jpeg.Length, side, side, takenUs);
                stage = Free;
            }
            if (stage == Free && IsDue(captureUs))
                Take(captureUs);
            return added;
        }

        void Take(long captureUs)
        {
            if (!target)
                Begin();
            takenUs = captureUs;
            stage = Busy;
            eye.Render();
            AsyncGPUReadback.Request(target, 0, TextureFormat.RGBA32, arrived);
        }

        void Begin()
        {
            eye = GetComponent<Camera>();
            eye.enabled = false;
            target = new RenderTexture(side, side, 24);
            eye.targetTexture = target;
            pixels = new byte[4 * side * side];
            packed = new byte[(inColour ? 3 : 1) * side * side];
            arrived = Arrived;
            pack = Pack;
        }

        void Arrived(AsyncGPUReadbackRequest request)
        {
            if (gone)
                return;
            if (request.hasError)
            {
                trouble = "the graphics card did not give the picture back (is there one?)";
                stage = Failed;
                return;
            }
            NativeArray<byte> data = request.GetData<byte>();
            data.CopyTo(pixels);
            ThreadPool.QueueUserWorkItem(pack);
        }

        void Pack(object nothing)
        {
            try
            {
                if (inColour)
                    ToRgb();
                else
                    ToGray();
                jpeg = ImageConversion.EncodeArrayToJPG(packed,
                    inColour ? GraphicsFormat.R8G8B8_UNorm : GraphicsFormat.R8_UNorm,
                    (uint)side, (uint)side, 0, quality);
                stage = Ready;
            }
            catch (Exception error)
            {
                trouble = "the picture could not be packed: " + error.Message;
                stage = Failed;
            }
        }

        void ToRgb()
        {
            for (int i = 0, at = 0; i < pixels.Length; i += 4)
            {
                packed[at++] = pixels[i];
                packed[at++] = pixels[i + 1];
                packed[at++] = pixels[i + 2];
            }
        }

        /// <summary>Luma of Rec. 601, as in JPEG itself.</summary>
        void ToGray()
        {
            for (int i = 0; i < packed.Length; i++)
                packed[i] = (byte)((299 * pixels[4 * i] + 587 * pixels[4 * i + 1]
                    + 114 * pixels[4 * i + 2] + 500) / 1000);
        }

        /// <summary>What was ready or had failed before is no news.</summary>
        void OnEnable()
        {
            if (stage != Busy)
                stage = Free;
        }

        void OnDestroy()
        {
            gone = true;
            if (!target)
                return;
            if (eye)
                eye.targetTexture = null;
            target.Release();
            Destroy(target);
        }
    }
}
