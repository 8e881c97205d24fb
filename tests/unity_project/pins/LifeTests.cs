using System;
using System.Collections.Generic;
using NUnit.Framework;
using UnityEngine;
using UnityEngine.Stub;
using Object = UnityEngine.Object;

namespace Fedxr.Pins
{
    /// <summary>Writes down what the engine calls, and when.</summary>
    public class Diary : MonoBehaviour
    {
        public static readonly List<string> Lines = new List<string>();

        public Action OnUpdate, OnStart;

        protected void Write(string what)
        {
            Lines.Add(name + " " + what);
        }

        void Awake() => Write("Awake");
        void OnEnable() => Write("OnEnable");

        void Start()
        {
            Write("Start");
            if (OnStart != null)
                OnStart();
        }

        protected virtual void Update()
        {
            Write("Update");
            if (OnUpdate != null)
                OnUpdate();
        }

        void LateUpdate() => Write("LateUpdate");
        void OnDisable() => Write("OnDisable");
        void OnApplicationQuit() => Write("OnApplicationQuit");
        void OnDestroy() => Write("OnDestroy");
    }

    [DefaultExecutionOrder(100)]
    public sealed class LateDiary : Diary
    {
        protected override void Update() => Write("Update, overridden");
    }

    /// <summary>"Order of execution for event functions" in Unity's manual, and the pages of
    /// MonoBehaviour, Object and GameObject in its scripting reference.</summary>
    [TestFixture]
    public sealed class LifeTests
    {
        [SetUp]
        public void Clear() => Diary.Lines.Clear();

        [TearDown]
        public void Quit() => PlayerLoop.Quit();

        static void Says(params string[] lines)
        {
            Assert.AreEqual(string.Join("; ", lines), string.Join("; ", Diary.Lines));
            Diary.Lines.Clear();
        }

        static T Make<T>(string name) where T : Component => new GameObject(name).AddComponent<T>();

        /// <summary>Manual: Awake and OnEnable are called script after script when the scene starts, every
        /// Awake before any Start, Start before the first frame update.</summary>
        [Test]
        public void ASceneAwakesBeforeItStarts()
        {
            PlayerLoop.Load(() =>
            {
                Make<Diary>("a");
                Make<Diary>("b");
                Says();
            });
            Says("a Awake", "a OnEnable", "b Awake", "b OnEnable");
            PlayerLoop.Step(0.01);
            Says("a Start", "b Start", "a Update", "b Update", "a LateUpdate", "b LateUpdate");
            PlayerLoop.Step(0.01);
            Says("a Update", "b Update", "a LateUpdate", "b LateUpdate");
        }

        /// <summary>DefaultExecutionOrder: scripts with a higher number come later; and an override is
        /// called in place of the base's method.</summary>
        [Test]
        public void ExecutionOrderGoesBeforeTheOrderOfMaking()
        {
            PlayerLoop.Load(() =>
            {
                Make<LateDiary>("late");
                Make<Diary>("early");
            });
            Says("early Awake", "early OnEnable", "late Awake", "late OnEnable");
            PlayerLoop.Step(0.01);
            Says("early Start", "late Start", "early Update", "late Update, overridden", "early LateUpdate",
                "late LateUpdate");
        }

        /// <summary>GameObject.AddComponent: Awake and OnEnable come before it returns, Start with the next
        /// frame.</summary>
        [Test]
        public void AnAddedComponentAwakesAtOnceAndStartsLater()
        {
            var first = Make<Diary>("first");
            first.OnUpdate = () =>
            {
                first.OnUpdate = null;
                Make<Diary>("second");
                Write("made");
            };
            Says("first Awake", "first OnEnable");
            PlayerLoop.Step(0.01);
            Says("first Start", "first Update", "second Awake", "second OnEnable", "made", "first LateUpdate");
            PlayerLoop.Step(0.01);
            Says("second Start", "first Update", "second Update", "first LateUpdate", "second LateUpdate");
        }

        static void Write(string line) => Diary.Lines.Add(line);

        /// <summary>MonoBehaviour.Awake: not called while the GameObject is inactive, and then when it
        /// becomes active; SetActive reaches the children (activeInHierarchy).</summary>
        [Test]
        public void WhatIsInactiveAwakesWhenItIsActivated()
        {
            var parent = new GameObject("parent");
            parent.SetActive(false);
            var child = new GameObject("child");
            child.transform.SetParent(parent.transform);
            child.AddComponent<Diary>();
            PlayerLoop.Step(0.01);
            Says();
            Assert.IsTrue(child.activeSelf);
            Assert.IsFalse(child.activeInHierarchy);
            parent.SetActive(true);
            Says("child Awake", "child OnEnable");
            parent.SetActive(false);
            Says("child OnDisable");
            parent.SetActive(true);
            Says("child OnEnable");
        }

        /// <summary>Behaviour.enabled: a disabled behaviour is awoken (its object is active) and not
        /// updated; OnEnable and OnDisable are called by the assignment. Start waits for it too.</summary>
        [Test]
        public void DisablingStopsUpdates()
        {
            PlayerLoop.Load(() => Make<Diary>("a").enabled = false);
            PlayerLoop.Step(0.01);
            Says("a Awake");
            var a = Object.FindFirstObjectByType<Diary>();
            a.enabled = true;
            Says("a OnEnable");
            PlayerLoop.Step(0.01);
            Says("a Start", "a Update", "a LateUpdate");
            a.enabled = false;
            Says("a OnDisable");
            PlayerLoop.Step(0.01);
            Says();
        }

        /// <summary>Object.DestroyImmediate: OnDisable and OnDestroy are called, and a destroyed object equals
        /// null although the reference is not.</summary>
        [Test]
        public void WhatIsDestroyedEqualsNull()
        {
            var a = Make<Diary>("a");
            GameObject whole = a.gameObject;
            PlayerLoop.Step(0.01);
            Diary.Lines.Clear();
            Object.DestroyImmediate(whole);
            Says("a OnDisable", "a OnDestroy");
            Assert.IsTrue(whole == null);
            Assert.IsTrue(a == null);
            Assert.IsFalse((bool)a);
            Assert.IsFalse(ReferenceEquals(a, null));
        }

        /// <summary>Destroying a GameObject destroys its children too.</summary>
        [Test]
        public void ChildrenGoWithTheirParent()
        {
            var parent = new GameObject("parent");
            var child = new GameObject("child");
            child.transform.SetParent(parent.transform);
            Object.DestroyImmediate(parent);
            Assert.IsTrue(child == null);
        }

        /// <summary>An exception in a message is logged; the other scripts go on.</summary>
        [Test]
        public void AnExceptionIsLoggedAndTheFrameGoesOn()
        {
            var logged = new List<string>();
            Application.LogCallback hear = (text, trace, type) => logged.Add(type + " " + text);
            Application.logMessageReceived += hear;
            Make<Diary>("a").OnUpdate = () => { throw new InvalidOperationException("so it is"); };
            Make<Diary>("b");
            Diary.Lines.Clear();
            PlayerLoop.Step(0.01);
            Application.logMessageReceived -= hear;
            Assert.AreEqual(new[] { "Exception InvalidOperationException: so it is" }, logged.ToArray());
            Says("a Start", "b Start", "a Update", "b Update", "a LateUpdate", "b LateUpdate");
        }

        /// <summary>MonoBehaviour.OnApplicationQuit comes before anything is disabled and destroyed.</summary>
        [Test]
        public void QuittingIsToldFirst()
        {
            Make<Diary>("a");
            PlayerLoop.Step(0.01);
            Diary.Lines.Clear();
            PlayerLoop.Quit();
            Says("a OnApplicationQuit", "a OnDisable", "a OnDestroy");
        }

        /// <summary>Object.name of a component is its GameObject's.</summary>
        [Test]
        public void AComponentGoesByItsObjectsName()
        {
            var a = Make<Diary>("a");
            Assert.AreEqual("a", a.transform.name);
            a.transform.name = "b";
            Assert.AreEqual("b", a.gameObject.name);
            Assert.AreEqual("b", a.name);
        }

        /// <summary>RequireComponent: adding the component adds what it requires, once.</summary>
        [Test]
        public void WhatIsRequiredIsAdded()
        {
            var whole = new GameObject("text");
            whole.AddComponent<TextMesh>();
            whole.AddComponent<TextMesh>();
            Assert.AreEqual(1, whole.GetComponents<MeshRenderer>().Length);
        }

        /// <summary>FindObjectsByType leaves out inactive objects, unless they are asked for;
        /// GetComponentsInChildren goes depth first and begins with the object itself.</summary>
        [Test]
        public void FindingLooksAtActiveObjects()
        {
            var parent = Make<Diary>("parent");
            var child = Make<Diary>("child");
            child.transform.SetParent(parent.transform);
            child.gameObject.SetActive(false);
            Assert.AreEqual(1, Object.FindObjectsByType<Diary>(FindObjectsSortMode.None).Length);
            Assert.AreEqual(
                2, Object.FindObjectsByType<Diary>(FindObjectsInactive.Include, FindObjectsSortMode.None).Length);
            Assert.AreEqual(1, parent.GetComponentsInChildren<Diary>().Length);
            Assert.AreEqual(new[] { parent, child }, parent.GetComponentsInChildren<Diary>(true));
            Assert.AreEqual(child, child.GetComponentInParent<Diary>(true));
            Assert.AreEqual(parent, child.GetComponentInParent<Diary>()); // the inactive one is left out
        }

        /// <summary>Time.time is the time at the beginning of the frame, deltaTime since the last one.</summary>
        [Test]
        public void TimeStandsStillWithinAFrame()
        {
            double before = Time.timeAsDouble;
            int frame = Time.frameCount;
            PlayerLoop.Step(0.25);
            Assert.AreEqual(before + 0.25, Time.timeAsDouble, 1e-9);
            Assert.AreEqual(0.25f, Time.deltaTime);
            Assert.AreEqual(frame + 1, Time.frameCount);
        }
    }
}
