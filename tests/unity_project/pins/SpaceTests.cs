using NUnit.Framework;
using UnityEngine;
using UnityEngine.Stub;

namespace Fedxr.Pins
{
    /// <summary>Vector3, Quaternion and Transform in Unity's scripting reference; Unity's axes are
    /// left-handed: x right, y up, z forward.</summary>
    [TestFixture]
    public sealed class SpaceTests
    {
        [TearDown]
        public void Quit() => PlayerLoop.Quit();

        static void Near(Vector3 wanted, Vector3 got)
        {
            Assert.Less((wanted - got).magnitude, 1e-4f, "wanted " + wanted + ", got " + got);
        }

        static void Near(Quaternion wanted, Quaternion got)
        {
            Assert.Less(Quaternion.Angle(wanted, got), 0.1f, "wanted " + wanted + ", got " + got);
        }

        static readonly Quaternion quarter = Quaternion.AngleAxis(90, Vector3.up);

        /// <summary>Transform.Rotate about y turns to the right: forward goes to right, right to back.</summary>
        [Test]
        public void AQuarterTurnAboutUpTakesForwardToRight()
        {
            Near(Vector3.right, quarter * Vector3.forward);
            Near(Vector3.back, quarter * Vector3.right);
            Near(Vector3.down, Quaternion.AngleAxis(90, Vector3.right) * Vector3.forward);
        }

        /// <summary>Quaternion.operator *: "lhs * rhs" applied to a vector is rhs first.</summary>
        [Test]
        public void ProductsApplyTheRightOneFirst()
        {
            Quaternion pitch = Quaternion.AngleAxis(90, Vector3.right);
            Near(quarter * (pitch * Vector3.one), (quarter * pitch) * Vector3.one);
            Near(Vector3.down, (quarter * pitch) * Vector3.forward);
            Near(Vector3.right, (pitch * quarter) * Vector3.forward);
        }

        /// <summary>Quaternion.Euler: z first, then x, then y.</summary>
        [Test]
        public void EulerAnglesTurnAboutZThenXThenY()
        {
            Quaternion wanted = Quaternion.AngleAxis(30, Vector3.up) * Quaternion.AngleAxis(20, Vector3.right)
                * Quaternion.AngleAxis(10, Vector3.forward);
            Near(wanted, Quaternion.Euler(20, 30, 10));
            Near(new Vector3(20, 30, 10), Quaternion.Euler(20, 30, 10).eulerAngles);
            Near(new Vector3(0, 270, 0), Quaternion.Euler(0, -90, 0).eulerAngles); // 0 to 360
            Near(wanted, Quaternion.Euler(wanted.eulerAngles));
            Near(Quaternion.Euler(90, 40, 0), Quaternion.Euler(Quaternion.Euler(90, 40, 0).eulerAngles));
        }

        [Test]
        public void LookRotationTurnsForwardAndUp([Values(-170, -90, 10, 120)] float yaw, [Values(-60, 0, 45)] float pitch)
        {
            Quaternion turn = Quaternion.Euler(pitch, yaw, 0);
            Near(turn, Quaternion.LookRotation(turn * Vector3.forward, Vector3.up));
            Quaternion rolled = Quaternion.Euler(pitch, yaw, 140);
            Near(rolled, Quaternion.LookRotation(rolled * Vector3.forward, rolled * Vector3.up));
        }

        [Test]
        public void SlerpGoesTheShortWay()
        {
            Near(Quaternion.Euler(0, 30, 0), Quaternion.Slerp(Quaternion.identity, quarter, 1f / 3));
            var far = new Quaternion(-quarter.x, -quarter.y, -quarter.z, -quarter.w); // the same rotation
            Near(Quaternion.Euler(0, 30, 0), Quaternion.Slerp(Quaternion.identity, far, 1f / 3));
            Near(Quaternion.Euler(0, 20, 0), Quaternion.RotateTowards(Quaternion.identity, quarter, 20));
            Near(quarter, Quaternion.RotateTowards(Quaternion.identity, quarter, 200));
        }

        [Test]
        public void FromToRotationTurnsOneIntoTheOther()
        {
            Near(Vector3.up, Quaternion.FromToRotation(Vector3.right, Vector3.up) * Vector3.right);
            Near(Vector3.left, Quaternion.FromToRotation(Vector3.right, Vector3.left) * Vector3.right);
        }

        /// <summary>Vector3.==: "to allow for floating point inaccuracies, two vectors are considered equal if
        /// the magnitude of their difference is less than 1e-5".</summary>
        [Test]
        public void VectorsAreEqualWhenTheyAreNear()
        {
            Assert.IsTrue(new Vector3(0.1f + 0.2f, 0, 0) == new Vector3(0.3f, 0, 0));
            Assert.IsFalse(new Vector3(0.30002f, 0, 0) == new Vector3(0.3f, 0, 0));
            Near(Vector3.zero, new Vector3(1e-6f, 0, 0).normalized); // too short to have a direction
            Near(Vector3.up, Vector3.Cross(Vector3.forward, Vector3.right)); // the left hand's rule
        }

        /// <summary>Transform.TransformPoint: the position in the world is affected by scale. A child of a
        /// turned and scaled parent, by hand: (1, 0, 2) times (2, 3, 4) is (2, 0, 8); a quarter turn about
        /// up takes (x, z) to (z, -x): (8, 0, -2); plus (10, 0, 0).</summary>
        [Test]
        public void PointsGoThroughScaleThenRotationThenPosition()
        {
            Transform parent = new GameObject("parent").transform, child = new GameObject("child").transform;
            parent.position = new Vector3(10, 0, 0);
            parent.rotation = quarter;
            parent.localScale = new Vector3(2, 3, 4);
            child.SetParent(parent, false);
            child.localPosition = new Vector3(1, 0, 2);
            Near(new Vector3(18, 0, -2), child.position);
            Near(child.localPosition, parent.InverseTransformPoint(child.position));
            Near(Vector3.right, child.forward);
            Near(new Vector3(2, 3, 4), child.lossyScale);
            child.position = new Vector3(10, 3, 0);
            Near(new Vector3(0, 1, 0), child.localPosition);
            child.rotation = Quaternion.identity;
            Near(Quaternion.Inverse(quarter), child.localRotation);
        }

        /// <summary>Transform.SetParent: with worldPositionStays the object keeps its world pose, as it does
        /// when parent is assigned; else its local one.</summary>
        [Test]
        public void ANewParentKeepsTheWorldPoseUnlessToldOtherwise()
        {
            Transform parent = new GameObject("parent").transform, child = new GameObject("child").transform;
            parent.position = new Vector3(1, 2, 3);
            parent.rotation = quarter;
            parent.localScale = new Vector3(2, 2, 2);
            child.position = Vector3.one;
            child.parent = parent;
            Near(Vector3.one, child.position);
            Near(Quaternion.identity, child.rotation);
            Near(Vector3.one, child.lossyScale);
            child.SetParent(null, false);
            // by hand: (1, 1, 1) less (1, 2, 3) is (0, -1, -2); turned back (2, -1, 0); halved
            Near(new Vector3(1, -0.5f, 0), child.position);
        }

        [Test]
        public void ChildrenAreFoundByPathAndInOrder()
        {
            Transform top = new GameObject("top").transform;
            foreach (string name in new[] { "a", "b" })
                new GameObject(name).transform.SetParent(top);
            new GameObject("deep").transform.SetParent(top.GetChild(1));
            Assert.AreEqual("deep", top.Find("b/deep").name);
            Assert.IsTrue(top.Find("deep") == null); // only direct children, unless a path says more
            Assert.AreEqual(2, top.childCount);
            Assert.AreEqual(top, top.Find("b/deep").root);
        }

        /// <summary>Transform.Rotate: by default about the object's own axes.</summary>
        [Test]
        public void RotateIsInOwnAxesUnlessToldOtherwise()
        {
            Transform at = new GameObject("at").transform;
            at.Rotate(90, 0, 0);
            at.Rotate(0, 90, 0);
            Near(Vector3.right, at.forward);
            at.rotation = Quaternion.Euler(90, 0, 0);
            at.Rotate(Vector3.up, 90, Space.World);
            Near(Vector3.down, at.forward);
            at.LookAt(at.position + Vector3.left);
            Near(Vector3.left, at.forward);
        }

        /// <summary>Camera.WorldToViewportPoint: x and y 0 to 1 from the lower left, z metres ahead; and
        /// ViewportPointToRay is its inverse. At 90 degrees the picture is as high as 2 z.</summary>
        [Test]
        public void ACameraSeesTheLowerLeftAtZero()
        {
            Camera camera = new GameObject("camera").AddComponent<Camera>();
            camera.fieldOfView = 90;
            camera.targetTexture = new RenderTexture(200, 100, 0);
            camera.transform.position = new Vector3(0, 1, 0);
            camera.transform.rotation = quarter;
            Near(new Vector3(0.5f, 0.5f, 3), camera.WorldToViewportPoint(new Vector3(3, 1, 0)));
            Near(new Vector3(0.5f, 1, 3), camera.WorldToViewportPoint(new Vector3(3, 4, 0)));
            Near(new Vector3(1, 0.5f, 3), camera.WorldToViewportPoint(new Vector3(3, 1, -6)));
            Ray ray = camera.ViewportPointToRay(new Vector3(1, 0.5f, 0));
            Near(new Vector3(1, 0, -2).normalized, ray.direction);
        }

        /// <summary>Mathf.RoundToInt: halves go to the even number. Mathf.Repeat is never negative.</summary>
        [Test]
        public void RoundingAndRepeating()
        {
            Assert.AreEqual(2, Mathf.RoundToInt(2.5f));
            Assert.AreEqual(4, Mathf.RoundToInt(3.5f));
            Assert.AreEqual(2.5f, Mathf.Repeat(-0.5f, 3), 1e-6f);
            Assert.AreEqual(0f, Mathf.Lerp(0, 1, -3));
        }
    }
}
